package import ArgumentParser
import Tensors
import Video

/// `sluice bench decode`
package struct BenchDecodeCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Measures decoding by itself: clips at random places, scaled to 128x171, on one thread.")

  @Argument(help: "Video files.")
  var files: [String]

  @Option(help: "Frames a clip.")
  var frames = 8

  @Option(help: "Distance between the frames of a clip.")
  var stride = 1

  @Option(help: "Clips to decode, spread over the files in turn.")
  var clips = 200

  @Option(help: "Seed of the places.")
  var seed: UInt64 = 1

  @Option(parsing: .upToNextOption, help: "First frames of the clips, in turn, instead of random ones.")
  var starts: [Int] = []

  @Option(help: "Decode this many clips in one call, spread evenly over the file, instead of one at a random place.")
  var uniform = 1

  @Flag(help: "Open files as if they had never been indexed, instead of by a packet table made beforehand.")
  var cold = false

  @Option(help: "rgb24, or yuv420p: planes.")
  var format = "rgb24"

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard PixelFormat(rawValue: format) != nil else {
      throw ValidationError("--format \(format): give rgb24 or yuv420p")
    }
    guard uniform == 1 || starts.isEmpty else { throw ValidationError("Give --starts or --uniform, not both.") }
  }

  package func run() async throws {
    let benchmark = try DecodeBenchmark(
      files: files, frames: frames, stride: stride, clips: clips, seed: seed, starts: starts.isEmpty ? nil : starts,
      uniform: uniform, isCold: cold, format: PixelFormat(rawValue: format)!)
    let result = try benchmark.run()
    func text(_ value: Double) -> String { String((value * 10).rounded() / 10) }
    try output.print(
      result,
      text: "\(text(result.clipsPerSecond)) clips/s, \(text(result.clipsPerCPUSecond)) clips a CPU second, "
        + "\(text(result.framesDecodedPerClip)) frames decoded a clip; \(result.filesWithTable) of \(files.count) files "
        + "opened by a packet table made beforehand")
  }
}
