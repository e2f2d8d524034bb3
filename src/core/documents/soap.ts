import { namespaces } from '../xml/namespaces.ts'

/** The answer to addGroup (MS-SIP 4.8): the number that the server chose. Clients look for Body/addGroup/groupID. */
export const writeAddGroupAnswer = (id: number): string =>
  `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${namespaces.soapEnvelope}"><SOAP-ENV:Body><m:addGroup xmlns:m="${namespaces.soapActions}">` +
  `<m:groupID>${id}</m:groupID></m:addGroup></SOAP-ENV:Body></SOAP-ENV:Envelope>`
