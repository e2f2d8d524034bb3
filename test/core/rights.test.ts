import t from 'tap'
import { sourceNetworks } from '../../src/core/model/network.ts'
import { allGranted, effectiveRights, grants, rightNames, takesAway, type RightName, type Rights } from '../../src/core/model/rights.ts'

const only = (...names: readonly RightName[]): Rights => Object.fromEntries(rightNames.map((name) => [name, names.includes(name)])) as Rights

t.test('3.4.5.3: each right opens one direction to one network, and nothing else', async (t) => {
  const opens: Readonly<Record<RightName, string>> = {
    incomingFederated: 'incoming federated', outgoingFederated: 'outgoing federated', incomingPublicCloud: 'incoming publicCloud', outgoingPublicCloud: 'outgoing publicCloud',
  }
  const inside = ['incoming sameEnterprise', 'outgoing sameEnterprise']
  const open = (rights: Rights): readonly string[] =>
    (['incoming', 'outgoing'] as const).flatMap((direction) => sourceNetworks.filter((network) => grants(rights, direction, network)).map((network) => `${direction} ${network}`)).sort()
  t.same(open(only()), inside, 'inside the enterprise nothing needs a right')
  for (const name of rightNames) t.same(open(only(name)), [...inside, opens[name]].sort(), name)
  t.same(open(allGranted), [...inside, ...Object.values(opens)].sort())
})

t.test('a user\'s own word goes before that of its domain, right by right', async (t) => {
  t.same(effectiveRights(allGranted, {}), allGranted)
  t.same(effectiveRights(only('incomingFederated'), {}), only('incomingFederated'))
  t.same(effectiveRights(allGranted, { outgoingPublicCloud: false }), only('incomingFederated', 'outgoingFederated', 'incomingPublicCloud'))
  t.same(effectiveRights(only(), { outgoingFederated: true, incomingFederated: false }), only('outgoingFederated'))
})

t.test('what is taken away may concern what exists', async (t) => {
  for (const name of rightNames) {
    const others = only(...rightNames.filter((other) => other !== name))
    t.equal(takesAway(allGranted, others), true, `${name} is lost`)
    t.equal(takesAway(others, allGranted), false, `${name} is given`)
    t.equal(takesAway(undefined, others), true, `a new user without ${name}: who watched one of this name before may have to stop`)
    t.equal(takesAway(others, only(name)), true, 'one given does not make up for those lost')
  }
  t.equal(takesAway(allGranted, allGranted), false)
  t.equal(takesAway(only(), only()), false)
  t.equal(takesAway(undefined, allGranted), false)
})
