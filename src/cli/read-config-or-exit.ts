import { ConfigError, readConfig, type Config } from '../config/config.ts'

/** Reads the configuration or ends the process with all its faults. */
export const readConfigOrExit = (environment: NodeJS.ProcessEnv): Config => {
  try {
    return readConfig(environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
