/** What an operator sees at the root of the admin port. */
export const landingPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Presentia</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}code{background:#eee;padding:.1em .3em}</style></head>
<body><h1>Presentia</h1><p>The presence engine is running.</p>
<ul>
<li><a href="/admin/docs">Administration API</a> (<a href="/admin/openapi.json">OpenAPI document</a>); calls need <code>Authorization: Bearer KEY</code></li>
<li><a href="/health/ready">Readiness</a>, <a href="/health/live">liveness</a></li>
<li><a href="/metrics">Metrics</a> for Prometheus</li>
</ul></body></html>
`
