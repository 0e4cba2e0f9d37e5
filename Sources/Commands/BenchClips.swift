import ArgumentParser

/// The clips a benchmark of networks works on.
struct BenchClips: ParsableArguments {
  @Option(help: "Clips a step.")
  var batch = 4

  @Option(help: "Frames a clip.")
  var frames = 8

  @Option(help: "Height and width of a clip in pixels.")
  var size = 112

  @Option(help: "Factor on every channel count.")
  var width = 1.0
}
