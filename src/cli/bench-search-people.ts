const GIVEN = 'Anna Boris Clara Dan Elif Finn Gerd Hanna Ivan Jana Karl Lena Marek Nora Olga Paul Quinn Rosa Søren Tim Ümit Vera Wanda Xenia Yusuf Zoë Anton Britta Cem Dora'.split(' ').toSorted()
const SYLLABLES = 'ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu ra re ri ro ru sa se si so su ta te ti to tu wa we wi wo'.split(' ')
const ENDINGS = ['mann', 'er', 'sen', 'ski', 'ov', 'haus', 'berg', 'i']
const CITIES = 'Berlin Hamburg Köln Bremen Kiel Wien Graz Linz Bern Basel'.split(' ')
const TITLES = ['Pilot', 'Cook', 'Clerk', 'Chief', 'Smith']

const pick = <T>(list: readonly T[], at: number): T => {
  const found = list[at % list.length]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}

/**
 * The `at`th of `users` made-up people; always the same. Given names are shared by many, surnames by dozens, and people come in the order of their given names, as in imports. Who is
 * of the company Nordwind belongs to the first half, who lives in Austria to the second.
 */
export const makePerson = (at: number, users: number) => {
  const mixed = (at * 2_654_435_761) % 4_294_967_296
  const early = at < users / 2
  const givenName = pick(GIVEN, Math.floor((at * GIVEN.length) / users))
  const first = pick(SYLLABLES, mixed)
  const surname = `${first.charAt(0).toUpperCase()}${first.slice(1)}${pick(SYLLABLES, Math.floor(mixed / 50))}${pick(ENDINGS, Math.floor(mixed / 2_500))}`
  const user = `u${at}@example.com`
  const properties = {
    givenName, surname, email: `${surname.toLowerCase()}.${at}@example.com`, phone: `+49 40 ${String(mixed).padStart(10, '0')}`, city: pick(CITIES, Math.floor(mixed / 20_000)), country: pick(early ? ['DE', 'CH'] : ['DE', 'AT'], at),
    company: early ? 'Nordwind' : pick(['Südwind', 'Westwind'], mixed), title: pick(TITLES, Math.floor(mixed / 11)), office: `Pier ${mixed % 400}`, department: pick(['Air', 'Sea', 'Land'], mixed),
  } as const
  return { user, displayName: `${givenName} ${surname}`, properties }
}
