package import ArgumentParser

/// `sluice`: the root command. Each subcommand is a file of its own and a few lines over a library call.
package struct SluiceCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "Pre-trains video action-recognition networks from weakly-labelled videos.",
    subcommands: [
      RunCommand.self, NodeCommand.self, WorkerCommand.self, ScaleCommand.self, StatusCommand.self, TopCommand.self,
      TapCommand.self,
      CheckCommand.self, SimulateCommand.self, KeysCommand.self, SynthesizeCommand.self, CorpusCommand.self,
      DecodeCommand.self,
      NetCommand.self,
      EvaluateCommand.self, PredictCommand.self, BenchCommand.self, StageCommand.self, CoordinatorCommand.self,
      BenchAveragePartCommand.self,
    ])

  package init() {}
}
