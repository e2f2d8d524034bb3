/** Asks a Node process for the size of its heap, over the inspector that it opened with --inspect. */

interface Reply {
  readonly id?: number
  readonly result?: { readonly usedSize?: number; readonly backingStorageSize?: number }
}

const call = (socket: WebSocket, id: number, method: string): Promise<Reply['result']> =>
  new Promise((resolve, reject) => {
    const onMessage = ({ data }: MessageEvent): void => {
      const reply = JSON.parse(String(data)) as Reply
      if (reply.id !== id) return
      socket.removeEventListener('message', onMessage)
      resolve(reply.result)
    }
    socket.addEventListener('message', onMessage)
    socket.addEventListener('error', () => reject(new Error('the inspector hung up')))
    socket.send(JSON.stringify({ id, method }))
  })

/** Bytes that live objects and their buffers take, after a collection of everything else. */
export const readLiveHeap = async (inspectorPort: number): Promise<number> => {
  const targets = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`).then((response) => response.json()) as readonly { readonly webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '')
  await new Promise<void>((resolve, reject) => { socket.addEventListener('open', () => resolve()); socket.addEventListener('error', () => reject(new Error('the inspector does not answer'))) })
  try {
    // What the first collection lets go of may have held more.
    await call(socket, 1, 'HeapProfiler.collectGarbage')
    await call(socket, 2, 'HeapProfiler.collectGarbage')
    const usage = await call(socket, 3, 'Runtime.getHeapUsage')
    return (usage?.usedSize ?? 0) + (usage?.backingStorageSize ?? 0)
  } finally {
    socket.close()
  }
}
