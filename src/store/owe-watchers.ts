/** Notifications about watchers in one dialog are at least so far apart, in milliseconds (RFC 3857 4.10). */
export const WATCHER_INFO_PAUSE_MS = 5_000

/**
 * The last part of a statement that changes who watches somebody, as SQL: the clients of those publishers that want to know are owed it. `moved` names a part that has a row
 * (publisher, waited) for each change; `waited` says that it concerns those who wait for the publisher's word, which is all that presence.wpending tells of. `now` is the parameter with the time.
 *
 * It rides in statements that are sent anyway, and finds the dialogs by an index that holds those of these two kinds only: where nobody wants to know, it costs a look into an index that is
 * next to empty. Changes are never told at once: what is owed waits for the pause between two notifications, and what comes meanwhile is told along. Each change moves the debt's version
 * and is itself not older than the debt's `since`, so that whoever pays reads all of it or finds the debt still there.
 */
export const oweWatchers = (moved: string, now: string): string => `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since, whole)
  SELECT own.subscriber, own.local_tag, own.subscriber, 0, 'its watchers have changed',
    CASE own.kind WHEN 'winfo' THEN greatest(${now}, own.notified_at + ${WATCHER_INFO_PAUSE_MS}) ELSE ${now} END, own.proxy, ${now}, own.kind <> 'winfo'
  FROM (SELECT publisher, bool_or(waited) AS waited FROM ${moved} GROUP BY publisher) AS concerned JOIN dialog AS own ON own.subscriber = concerned.publisher
  WHERE own.kind IN ('winfo', 'wpending') AND (own.kind = 'winfo' OR concerned.waited) AND own.expires_at > ${now}
  ORDER BY own.subscriber, own.local_tag
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET since = least(deferred.since, excluded.since), version = deferred.version + 1`
