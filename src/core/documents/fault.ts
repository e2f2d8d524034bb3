/** One stale operation of a request; `index` counts from 1, `data` is what the server holds (2.2.2.2.3). */
export interface StaleOperation {
  readonly index: number
  readonly version: number
  readonly curVersion: number
  readonly data: string
}

const writeOperation = ({ index, version, curVersion, data }: StaleOperation): string => {
  const start = `<operation index="${index}" version="${version}" curVersion="${curVersion}"`
  return data === '' ? `${start}/>` : `${start}>${data}</operation>`
}

/** The msrtc-fault body of a 409; it is in no namespace, and clients compare the code letter by letter (design decision 3). */
export const writeWrongDelta = (operations: readonly StaleOperation[]): string =>
  `<Fault><Faultcode>Client.BadCall.WrongDelta</Faultcode><details>${operations.map(writeOperation).join('')}</details></Fault>`
