/** Makes a process that runs with `--inspect=127.0.0.1:PORT` collect its garbage, so that its heap shows what is really kept. */
export const collectGarbage = async (port: number): Promise<void> => {
  const [target] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json() as readonly { readonly webSocketDebuggerUrl: string }[]
  if (target === undefined) throw new Error(`nothing to inspect on port ${port}`)
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => socket.send('{"id":1,"method":"HeapProfiler.collectGarbage"}'))
    socket.addEventListener('message', () => resolve())
    socket.addEventListener('error', () => reject(new Error(`cannot inspect port ${port}`)))
  })
  socket.close()
}
