package import ArgumentParser
import Pipeline

/// `--run DIR|ENDPOINT`: the live run a command talks to; by default the only one below `./runs`.
package struct LiveRun: ParsableArguments {
  @Option(help: "The run: its directory or the coordinator's endpoint. (default: the only live one below ./runs)")
  package var run: String?

  package init() {}

  func client() throws -> RunClient { try RunClient(run: run) }
}
