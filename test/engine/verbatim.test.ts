import t from 'tap'
import { readInfoset } from '../support/infoset.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

/** Data as clients write it, inside the publish document whose prefixes and default namespace it may lean on. */
const payloads: readonly (readonly [name: string, inside: string, meaning: string])[] = [
  ['a prefix declared on an ancestor', '<d:note a="1"><d:b/></d:note>', '<d:note xmlns:d="urn:outer" a="1"><d:b/></d:note>'],
  ['the default namespace of an ancestor', '<note/>', '<note xmlns="urn:default"/>'],
  ['a namespace of its own', '<note xmlns="urn:own"><x xmlns=""/></note>', '<note xmlns="urn:own"><x xmlns=""/></note>'],
  ['no namespace at all', '<note xmlns=""><x/></note>', '<note xmlns=""><x/></note>'],
  ['a prefix in a value', '<note xmlns="urn:n" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="d:kind"/>', '<note xmlns="urn:n" xmlns:d="urn:outer" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="d:kind"/>'],
  ['CDATA', '<note xmlns="urn:n"><![CDATA[<&>]]></note>', '<note xmlns="urn:n">&lt;&amp;&gt;</note>'],
  ['character references', '<note xmlns="urn:n" a="&#10;&quot;">&#228;&#x1F600;&lt;</note>', '<note xmlns="urn:n" a="&#10;&quot;">ä😀&lt;</note>'],
  ['comments and processing instructions', '<note xmlns="urn:n"><!-- c --><?p i?>x</note>', '<note xmlns="urn:n">x</note>'],
  ['mixed content and white space', '<note xmlns="urn:n"> a <b> b </b>\n\t c </note>', '<note xmlns="urn:n"> a <b> b </b>\n\t c </note>'],
  ['quotes of either kind', '<note xmlns=\'urn:n\' a=\'"\' b="\'"/>', '<note xmlns="urn:n" a="&quot;" b="\'"/>'],
]

t.test('3.2.5.1.2: what was published comes back in meaning, and its own text byte for byte', async (t) => {
  const client = world.client(anna)
  const watcher = world.client(boris)
  await client.registers()
  await watcher.registers({ granted: 7200 })
  await client.subscribesSelf(['categories'])
  for (const [version, [name, inside, meaning]] of payloads.entries()) {
    const answer = await client.sends('SERVICE', {
      headers: { 'Content-Type': 'application/msrtc-category-publish+xml' },
      body: `<r:publish xmlns:r="http://schemas.microsoft.com/2006/09/sip/rich-presence" xmlns:d="urn:outer" xmlns="urn:default"><r:publications uri="sip:${anna}"><r:publication categoryName="note" instance="0" container="0" version="${version}" expireType="static">${inside}</r:publication></r:publications></r:publish>`,
    })
    t.equal(answer.status, 200, name)
    const seen = (await watcher.subscribes([anna], ['note'])).answer.body
    for (const [where, text] of [['answer', answer.body], ['self notification', client.hears().at(-1)?.body ?? ''], ['watcher', seen]] as const) {
      const data = /<category name="note"[^>]*>([\s\S]*?)<\/category>/.exec(text)?.[1] ?? ''
      t.strictSame(readInfoset(data), readInfoset(meaning), `${name}: ${where}`)
      t.ok(data.includes(inside.slice(inside.search(/[\s/>]/)).trimEnd()), `${name}: ${where}: its own text is kept`)
    }
  }
})
