import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { namespaces } from '../../src/core/xml/namespaces.ts'
import { attribute, childrenNamed, firstChild, hasText, isElement, type XmlElement } from '../../src/core/xml/element.ts'
import { defaultXmlLimits, parseXml } from '../../src/core/xml/parse.ts'
import { escapeXml, writeAttribute, writeVerbatim } from '../../src/core/xml/write.ts'
import { bytes, infosetOf, must, readIndependently, verdict, type Infoset } from './support.ts'

const inElement = (...octets: readonly number[]): Buffer => Buffer.from([0x3c, 0x61, 0x3e, ...octets, 0x3c, 0x2f, 0x61, 0x3e])
const nested = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth)
const billionLaughs = `<!DOCTYPE l [<!ENTITY a "ha">${'bcdefghi'.split('').map((name, at) => `<!ENTITY ${name} "${`&${'abcdefgh'[at] ?? ''};`.repeat(10)}">`).join('')}]><l>&i;</l>`

const refused: readonly (readonly [name: string, document: string | Buffer])[] = [
  ['nothing', ''], ['blanks only', ' \n'], ['text only', 'anna'], ['no root, only a comment', '<!-- x -->'], ['a declaration only', '<?xml version="1.0"?>'],
  ['an open element', '<a>'], ['an open start tag', '<a b="1"'], ['another end tag', '<a></b>'], ['crossed elements', '<a><b></a></b>'], ['a stray end tag', '</a>'],
  ['an end tag too many', '<a/></a>'], ['an end tag with an attribute', '<a></a b="1">'], ['blank before an end tag name', '<a></ a>'], ['blank inside />', '<a / >'],
  ['two roots', '<a/><b/>'], ['text after the root', '<a/>x'], ['text before the root', 'x<a/>'], ['CDATA after the root', '<a/><![CDATA[x]]>'],
  ['a reference after the root', '<a/>&#32;'], ['a byte order mark after the root', '<a/>\ufeff'], ['no-break space after the root', '<a/>\u00a0'],
  ['< in an attribute', '<a b="<"/>'], ['bare &', '<a>&</a>'], ['& and blank', '<a>& </a>'], [']]> in text', '<a>]]></a>'],
  ['an unquoted attribute', '<a b=c/>'], ['an attribute without value', '<a b/>'], ['attributes without blank', '<a b="1"c="2"/>'], ['an open attribute', '<a b="1/>'],
  ['a duplicate attribute', '<a b="1" b="2"/>'], ['a duplicate attribute by namespace', '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>'], ['a duplicate declaration', '<a xmlns:p="u" xmlns:p="v"/>'],
  ['an undefined entity', '<a>&anna;</a>'], ['an HTML entity', '<a>&nbsp;</a>'], ['an undefined entity in an attribute', '<a b="&anna;"/>'], ['an entity without semicolon', '<a>&amp</a>'],
  ['&#0;', '<a>&#0;</a>'], ['&#1;', '<a>&#1;</a>'], ['&#xFFFE;', '<a>&#xFFFE;</a>'], ['a surrogate reference', '<a>&#xD83D;&#xDE00;</a>'], ['a reference past Unicode', '<a>&#x110000;</a>'],
  ['&#xZZ;', '<a>&#xZZ;</a>'], ['&#;', '<a>&#;</a>'], ['&#X41;', '<a>&#X41;</a>'],
  ['-- in a comment', '<a><!-- -- --></a>'], ['a comment ending in --->', '<a><!-- ---></a>'], ['an open comment', '<a><!-- </a>'], ['open CDATA', '<a><![CDATA[ </a>'], ['lower-case cdata', '<a><![cdata[x]]></a>'],
  ['an open processing instruction', '<a><?x </a>'], ['one without target', '<a><? x?></a>'], ['one with a colon', '<a><?p:q x?></a>'], ['one named XML', '<a><?XML x?></a>'],
  ['a declaration inside', '<a><?xml version="1.0"?></a>'], ['a declaration after a blank', ' <?xml version="1.0"?><a/>'], ['two declarations', '<?xml version="1.0"?><?xml version="1.0"?><a/>'],
  ['a declaration in capitals', '<?XML version="1.0"?><a/>'], ['a declaration without version', '<?xml encoding="utf-8"?><a/>'], ['a declaration out of order', '<?xml version="1.0" standalone="yes" encoding="utf-8"?><a/>'],
  ['an unknown pseudo attribute', '<?xml version="1.0" anna="1"?><a/>'], ['standalone="maybe"', '<?xml version="1.0" standalone="maybe"?><a/>'],
  ['XML 1.1', '<?xml version="1.1"?><a/>'], ['XML 2.0', '<?xml version="2.0"?><a/>'], ['encoding ISO-8859-1', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>'], ['encoding UTF-16', '<?xml version="1.0" encoding="UTF-16"?><a/>'],
  ['DOCTYPE', '<!DOCTYPE a><a/>'], ['doctype in small letters', '<!doctype a><a/>'], ['an internal subset', '<!DOCTYPE a [<!ELEMENT a ANY>]><a/>'], ['an entity', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
  ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'], ['a parameter entity', '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://192.0.2.1/"> %x;]><a/>'],
  ['billion laughs', billionLaughs], ['DOCTYPE inside', '<a><!DOCTYPE a></a>'], ['DOCTYPE after the root', '<a/><!DOCTYPE a>'], ['ENTITY inside', '<a><!ENTITY x "y"></a>'],
  ['an unbound prefix', '<p:a/>'], ['an unbound attribute prefix', '<a p:b="1"/>'], ['a prefix out of scope', '<a><b xmlns:p="u"/><p:c/></a>'], ['a prefix undeclared', '<p:a xmlns:p="u"><b xmlns:p=""/></p:a>'],
  ['xmlns as element prefix', '<xmlns:a/>'], ['the prefix xmlns bound', '<a xmlns:xmlns="u"/>'], ['the xmlns namespace bound', '<a xmlns:p="http://www.w3.org/2000/xmlns/"/>'],
  ['the prefix xml rebound', '<a xmlns:xml="u"/>'], ['the xml namespace on another prefix', `<a xmlns:p="${namespaces.xml}"/>`], ['the xml namespace as default', `<a xmlns="${namespaces.xml}"/>`],
  ['two colons', '<p:a:b xmlns:p="u"/>'], ['a leading colon', '<:a/>'], ['a trailing colon', '<p: xmlns:p="u"/>'], ['a digit after the colon', '<p:1 xmlns:p="u"/>'], ['a hyphen after the colon', '<a xmlns:p="u" p:-b="1"/>'],
  ['a prefix that is a digit', '<a xmlns:1="u"/>'], ['an empty prefix', '<a xmlns:="u"/>'], ['a name with a digit first', '<1a/>'], ['a name with a hyphen first', '<-a/>'], ['a blank before the name', '< a/>'],
  ['a control character', '<a>\u0001</a>'], ['NUL', '<a>\u0000</a>'], ['vertical tab between attributes', '<a\u000bb="1"/>'], ['a control character in CDATA', '<a><![CDATA[\u0007]]></a>'],
  ['a control character in a comment', '<a><!--\u0007--></a>'], ['U+FFFF', '<a>\uffff</a>'], ['U+FFFE in an attribute', '<a b="\ufffe"/>'],
  ['an overlong slash', inElement(0xc0, 0xaf)], ['an overlong of three', inElement(0xe0, 0x80, 0xaf)], ['a surrogate in UTF-8', inElement(0xed, 0xa0, 0x80)], ['a surrogate pair in CESU-8', inElement(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)],
  ['a cut sequence', inElement(0xe2, 0x82)], ['a lone continuation', inElement(0x80)], ['past U+10FFFF', inElement(0xf4, 0x90, 0x80, 0x80)], ['byte F5', inElement(0xf5, 0x80, 0x80, 0x80)], ['Latin-1', inElement(0xe9)],
  ['UTF-16 LE', Buffer.from('<a/>', 'utf16le')], ['UTF-16 LE with mark', Buffer.from('\ufeff<a/>', 'utf16le')], ['UTF-16 BE with mark', Buffer.from([0xfe, 0xff, 0, 0x3c, 0, 0x61, 0, 0x2f, 0, 0x3e])],
]

t.test('design 6: the strict door refuses', async (t) => {
  for (const [name, document] of refused) t.equal(verdict(parseXml(typeof document === 'string' ? bytes(document) : document)), 'bodyNotXml', name)
  t.equal(verdict(parseXml(bytes('\ufeff\ufeff<a/>'))), 'bodyNotXml', 'XML 4.3.3: only the first byte order mark is a signature, a second one is text before the root')
  t.equal(verdict(parseXml(bytes('<?xml version="1.0" encoding="us-ascii"?><a>\u00e9</a>'))), 'bodyNotXml', 'XML 4.3.3: octets that the declared encoding does not have')
})

t.test('design 6: the strict door accepts', async (t) => {
  const accepted: readonly (readonly [name: string, document: string, text: string])[] = [
    ['a byte order mark', '\ufeff<a>x</a>', 'x'], ['a full declaration', '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n<a>x</a>', 'x'], ['encoding in small letters', '<?xml version=\'1.0\' encoding=\'utf-8\'?><a>x</a>', 'x'],
    ['comments and instructions around', '<!-- a --><?p q?><a>x</a><!-- b --> \n', 'x'], ['the five entities', '<a>&lt;&gt;&amp;&quot;&apos;</a>', '<>&"\''], ['character references', '<a>&#228;&#xe4;&#x1F600;&#13;</a>', '\u00e4\u00e4\u{1f600}\r'],
    ['CDATA among text', '<a>1<![CDATA[<2>&]]>3</a>', '1<2>&3'], ['text around children', '<a>1<b>no</b>2<!-- no -->3</a>', '123'], ['line ends made one', '<a>1\r\n2\r3</a>', '1\n2\n3'],
    ['characters past the BMP', '<a>\u{10ffff}</a>', '\u{10ffff}'], ['a name in another script', '<\u540d>x</\u540d>', 'x'], ['names outside the letters (XML 2.3)', '<\u2167 a\u200cb="">x</\u2167>', 'x'], ['names that objects know', '<__proto__ constructor="1" __proto__="2">x</__proto__>', 'x'],
  ]
  for (const [name, document, text] of accepted) {
    const result = parseXml(bytes(document))
    t.equal(result.ok ? result.value.root.text : result.failure.detail, text, name)
  }
  t.equal(must(parseXml(bytes('<a b="1\n2\t3&#10;"/>'))).root.attributes[0]?.value, '1 2 3\n', 'attribute values are normalised, references are not')
})

t.test('design 6: caps', async (t) => {
  const limits = { ...defaultXmlLimits, maxBytes: 40, maxDepth: 3, maxElements: 4, maxAttributes: 2 }
  const cases: readonly (readonly [name: string, document: string, verdict: string])[] = [
    ['40 bytes', `<a>${'x'.repeat(33)}</a>`, 'ok'], ['41 bytes', `<a>${'x'.repeat(34)}</a>`, 'inputTooLarge'], ['40 characters of two bytes', `<a>${'\u00e4'.repeat(33)}</a>`, 'inputTooLarge'],
    ['depth 3', nested(3), 'ok'], ['depth 4', nested(4), 'bodyNotXml'], ['4 elements', '<a><b/><b/><b/></a>', 'ok'], ['5 elements', '<a><b/><b/><b/><b/></a>', 'bodyNotXml'],
    ['2 attributes', '<a b="" c=""/>', 'ok'], ['3 attributes', '<a b="" c="" d=""/>', 'bodyNotXml'], ['2 on each element', '<a b="" c=""><d b="" c=""/></a>', 'ok'], ['declarations count', '<a b="" c="" xmlns="u"/>', 'bodyNotXml'],
  ]
  for (const [name, document, expected] of cases) t.equal(verdict(parseXml(bytes(document), limits)), expected, name)
  t.equal(verdict(parseXml(bytes(nested(defaultXmlLimits.maxDepth)))), 'ok')
  t.equal(verdict(parseXml(bytes(nested(defaultXmlLimits.maxDepth + 1)))), 'bodyNotXml')
  t.equal(verdict(parseXml(Buffer.alloc(defaultXmlLimits.maxBytes + 1, 0x20))), 'inputTooLarge')
})

t.test('the element tree: names, attributes, scope, offsets', async (t) => {
  const source = '<r xmlns="urn:d" xmlns:p="urn:p" a="0" p:a="1">\r\n\u{1f600}<p:x\n a="\u00e9"\r>1<y xmlns=""/>2</p:x\n> <x/><x p:a="2"/></r>'
  const { root, source: kept } = must(parseXml(bytes(source)))
  t.equal(kept, source)
  t.ok(isElement(root, 'urn:d', 'r'))
  t.notOk(isElement(root, '', 'r'))
  t.equal(attribute(root, 'a'), '0', 'an attribute in no namespace, not its prefixed twin')
  t.equal(attribute(root, 'b'), undefined)
  t.same([...root.declares], [['', 'urn:d'], ['p', 'urn:p']])
  t.equal(root.outer, undefined)
  t.same([...firstChild(root, 'urn:p', 'x')?.outer?.declares ?? []], [['', 'urn:d'], ['p', 'urn:p']])
  t.equal(source.slice(root.start, root.end), source)
  const x = firstChild(root, 'urn:p', 'x')
  t.equal(source.slice(x?.start, x?.end), '<p:x\n a="\u00e9"\r>1<y xmlns=""/>2</p:x\n>', 'offsets survive line ends and characters past the BMP')
  t.equal(x?.text, '12')
  t.equal(firstChild(root, 'urn:p', 'x')?.children[0]?.namespace, '', 'xmlns="" takes the default away')
  t.equal(childrenNamed(root, 'urn:d', 'x').length, 2)
  t.same(childrenNamed(root, 'urn:d', 'x').map((child) => source.slice(child.start, child.end)), ['<x/>', '<x p:a="2"/>'])
  t.same([hasText(root), hasText(must(parseXml(bytes('<a> \n<b>x</b></a>'))).root)], [true, false])
})

t.test('design 6: verbatim slices carry their scope along', async (t) => {
  const cases: readonly (readonly [name: string, document: string, slice: string])[] = [
    ['no default in scope', '<r><note/></r>', '<note xmlns=""/>'], ['the default of an ancestor', '<r xmlns="urn:d"><note>x</note></r>', '<note xmlns="urn:d">x</note>'],
    ['its own default', '<r xmlns="urn:d"><note xmlns="urn:n"/></r>', '<note xmlns="urn:n"/>'], ['the default taken away above', '<r xmlns="urn:d"><m xmlns=""><note/></m></r>', '<note xmlns=""/>'],
    ['a prefix of an ancestor', '<r xmlns="urn:d" xmlns:p="urn:p"><p:note p:a="1"/></r>', '<p:note xmlns="urn:d" xmlns:p="urn:p" p:a="1"/>'],
    ['its own meaning of a prefix', '<r xmlns="u" xmlns:p="urn:p"><note xmlns:p="urn:q"/></r>', '<note xmlns="u" xmlns:p="urn:q"/>'],
    ['a URI to escape', '<r xmlns="a?b&amp;c&quot;"><note/></r>', '<note xmlns="a?b&amp;c&quot;"/>'], ['blank, comment, CDATA and references kept', '<r xmlns="u"><note\n a=\'&#65;\' ><!-- k --><![CDATA[<]]>&#66;</note ></r>', '<note xmlns="u"\n a=\'&#65;\' ><!-- k --><![CDATA[<]]>&#66;</note >'],
  ]
  const deepest = (element: XmlElement): XmlElement => (element.local === 'note' || element.children[0] === undefined ? element : deepest(element.children[0]))
  for (const [name, document, slice] of cases) {
    const { root, source } = must(parseXml(bytes(document)))
    t.equal(writeVerbatim(source, deepest(root)), slice, name)
  }
})

interface Tree { readonly prefix: string; readonly local: string; readonly declares: Readonly<Record<string, string>>; readonly attributes: Readonly<Record<string, string>>; readonly content: readonly (string | Tree)[] }

const xmlText = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '.'))
const prefix = fc.constantFrom('', 'p', 'q')
const uri = fc.constantFrom('urn:one', 'urn:two', 'urn:a&b"<')
const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    prefix, local: fc.constantFrom('a', 'note', 'b-1', '\u00e4', '_x.y'), declares: fc.dictionary(prefix, uri, { maxKeys: 2 }),
    attributes: fc.dictionary(fc.constantFrom('a', 'b', 'p:a', 'q:c'), xmlText, { maxKeys: 3 }), content: fc.array(fc.oneof({ depthSize: 'small' }, xmlText, tie('tree')), { maxLength: 3 }),
  }),
})).tree.map((tree): Tree => ({ ...tree, declares: { p: 'urn:p', q: 'urn:q', ...tree.declares } }))

const writeTree = (tree: Tree): string => {
  const name = tree.prefix === '' ? tree.local : `${tree.prefix}:${tree.local}`
  const attributes = [...Object.entries(tree.declares).map(([key, value]) => [key === '' ? 'xmlns' : `xmlns:${key}`, value] as const), ...Object.entries(tree.attributes)]
  const content = tree.content.map((child) => (typeof child === 'string' ? escapeXml(child) : writeTree(child))).join('')
  return `<${name}${attributes.map(([key, value]) => writeAttribute(key, value)).join('')}>${content}</${name}>`
}

const expectedOf = (tree: Tree, inherited: Readonly<Record<string, string>>): Infoset => {
  const scope = { ...inherited, ...tree.declares }
  const named = (key: string): string => (key.includes(':') ? `{${scope[key.slice(0, 1)] ?? ''}}${key.slice(2)}` : `{}${key}`)
  return {
    name: `{${scope[tree.prefix] ?? ''}}${tree.local}`, attributes: Object.entries(tree.attributes).map(([key, value]) => `${named(key)}=${value}`).sort(),
    text: tree.content.filter((child) => typeof child === 'string').join(''), children: tree.content.filter((child) => typeof child !== 'string').map((child) => expectedOf(child, scope)),
  }
}

// Two prefixes of one namespace may make two attributes one; that is not well-formed, and nothing to test here.
const wellFormed = (node: Infoset): boolean => new Set(node.attributes.map((text) => text.slice(0, text.indexOf('=')))).size === node.attributes.length && node.children.every(wellFormed)
const sound = trees.filter((tree) => wellFormed(expectedOf(tree, {})))
const everyElement = (element: XmlElement): readonly XmlElement[] => [element, ...element.children.flatMap(everyElement)]

t.test('property: what is written is read back', async (t) => {
  fc.assert(fc.property(xmlText, (text) => {
    const { root } = must(parseXml(bytes(`<a${writeAttribute('b', text)}>${escapeXml(text)}</a>`)))
    return root.text === text && attribute(root, 'b') === text && !/[<>"\t\n\r]/.test(escapeXml(text))
  }), { numRuns: 300 })
  t.equal(writeAttribute('a', undefined), '')
  t.equal(writeAttribute('a', 0), ' a="0"')
  fc.assert(fc.property(sound, (tree) => { assert.deepEqual(infosetOf(must(parseXml(bytes(writeTree(tree)))).root), expectedOf(tree, {})) }), { numRuns: 100 })
})

t.test('property: every slice means the same anywhere else', async () => {
  fc.assert(fc.property(sound, (tree) => {
    const { root, source } = must(parseXml(bytes(writeTree(tree))))
    for (const element of everyElement(root)) {
      const embedded = `<w xmlns="urn:else" xmlns:p="urn:else-p" xmlns:q="urn:else-q">${writeVerbatim(source, element)}</w>`
      assert.deepEqual(must(parseXml(bytes(embedded))).root.children.map(infosetOf), [infosetOf(element)])
      assert.deepEqual(readIndependently(embedded).children, [infosetOf(element)])
    }
  }), { numRuns: 60 })
})

t.test('property: the door never throws, and never lets in what it cannot give back', async () => {
  const check = (body: Uint8Array): boolean => {
    const result = parseXml(body)
    if (!result.ok) return result.failure.name === 'bodyNotXml'
    const { root, source } = result.value
    assert.deepEqual(infosetOf(must(parseXml(bytes(writeVerbatim(source, root)))).root), infosetOf(root))
    return true
  }
  const markup = fc.array(fc.constantFrom('<', '>', '/', '&', ';', '"', "'", '=', ' ', 'a', 'p:', 'xmlns', '<!', '--', '[', ']]>', '<?', '?>', '&#', '\u0000', '\u{1f600}', '\r'), { maxLength: 12 }).map((parts) => parts.join(''))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), check), { numRuns: 300 })
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), markup).map(bytes), check), { numRuns: 400 })
  fc.assert(fc.property(sound, markup, fc.nat(), fc.nat(6), (tree, noise, at, cut) => {
    const text = writeTree(tree)
    const from = at % text.length
    return check(bytes(text.slice(0, from) + noise + text.slice(from + cut)))
  }), { numRuns: 300 })
})
