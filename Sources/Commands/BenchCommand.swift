package import ArgumentParser

/// `sluice bench`: one part's speed by itself.
package struct BenchCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure one part by itself.",
    subcommands: [
      BenchTrainCommand.self, BenchKernelsCommand.self, BenchDecodeCommand.self, BenchLinkCommand.self,
      BenchPlanCommand.self, BenchAverageCommand.self, BenchMatchCommand.self, BenchTapCommand.self,
      BenchStagesCommand.self, BenchDuplicatesCommand.self,
    ])

  package init() {}
}
