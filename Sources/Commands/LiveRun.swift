package import ArgumentParser
import Pipeline

/// `--run DIR|ENDPOINT`: the live run a command talks to; by default the only one below `./runs`.
package struct LiveRun: ParsableArguments {
  @Option(help: "The run: its directory or the coordinator's endpoint. (default: the only live one below ./runs)")
  package var run: String?

  @Option(help: "Key directory, for a run whose links are encrypted. (default: what its topology names)")
  package var keys: String?

  @Option(help: "The key to take of several in the key directory.")
  package var key: String?

  package init() {}

  func client(_ role: KeyRole) throws -> RunClient { try RunClient(run: run, role: role, keys: keys, key: key) }
}
