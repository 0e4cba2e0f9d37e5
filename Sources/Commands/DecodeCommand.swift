package import ArgumentParser
import Corpus
import Networks
import Tensors
import Video

/// `sluice decode`: one decode stage's work by hand.
package struct DecodeCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Decodes clips of a video into a safetensors file.",
    discussion:
      "Writes the tensor `frames`, uint8 (clips, T, H, W, 3), RGB. A clip that goes past the end of the video "
      + "goes on from its start.")

  @Argument(help: "The video: a file, SHARD.tar#MEMBER or a URL.")
  var video: String

  @Option(
    parsing: .unconditional,
    help: "The clip starts at the last frame shown at this time, in seconds from the first frame.")
  var at: Double?

  @Option(parsing: .unconditional, help: "The clip starts at this frame, counted from 0.")
  var frame: Int?

  @Option(help: "This many clips, spread evenly over the video.")
  var clips: Int?

  @Option(help: "Frames a clip.")
  var frames: Int

  @Option(help: "Distance between the frames of a clip.")
  var stride = 1

  @Option(help: "Height and width to scale to, as HxW; otherwise the native size.")
  var resize: String?

  @Option(help: "Scales the shorter side to this many pixels and keeps the aspect ratio.")
  var shortEdge: Int?

  @Option(help: "The safetensors file to write.")
  var output: String

  @OptionGroup var json: JSONOutput

  package init() {}

  package func validate() throws {
    guard [at != nil, frame != nil, clips != nil].count(where: { $0 }) == 1 else {
      throw ValidationError("Give one of --at, --frame and --clips.")
    }
    guard (at ?? 0).isFinite, (at ?? 0) >= 0 else { throw ValidationError("--at must be 0 or more seconds.") }
    guard (frame ?? 0) >= 0 else { throw ValidationError("--frame must be 0 or more.") }
    guard (1...1000).contains(clips ?? 1) else { throw ValidationError("--clips must be 1 to 1000.") }
    guard (1...10_000).contains(frames) else { throw ValidationError("--frames must be 1 to 10000.") }
    guard (1...100_000).contains(stride) else { throw ValidationError("--stride must be 1 to 100000.") }
    guard resize == nil || shortEdge == nil else { throw ValidationError("Give --resize or --short-edge, not both.") }
    _ = try size()
  }

  package func run() async throws {
    let decoder = try VideoDecoder(path: Shards.located(video))
    let starts = try starts(in: decoder)
    let indices = starts.flatMap { start in
      Window.indices(start: start, count: frames, stride: Double(stride), frameCount: decoder.info.frameCount)
    }
    let tensor = try decoder.frames(at: indices, size: try size())
    try Safetensors.write(
      [
        Safetensors.Tensor(
          name: "frames", elementType: .uint8, dimensions: [starts.count, frames, tensor.height, tensor.width, 3],
          buffer: tensor.buffer)
      ], metadata: [:], to: output)
    let report = Report(
      clips: starts.count, frames: frames, height: tensor.height, width: tensor.width, starts: starts,
      frameCount: decoder.info.frameCount, framesDecoded: decoder.statistics.framesDecoded, output: output)
    try json.print(
      report,
      text: "\(output): frames, uint8 (\(starts.count), \(frames), \(tensor.height), \(tensor.width), 3), "
        + "from frame \(starts.map(String.init).joined(separator: ", ")) of \(decoder.info.frameCount)")
  }

  private func starts(in decoder: VideoDecoder) throws -> [Int] {
    let frameCount = decoder.info.frameCount
    if let clips {
      return uniformClipStarts(clips: clips, frames: frames, stride: Double(stride), frameCount: frameCount)
    }
    if let at {
      guard at <= decoder.info.durationSeconds else {
        throw VideoError(
          .windowNotWhole, "\(video): --at \(at) is past the end at \(decoder.info.durationSeconds) seconds.")
      }
      return [decoder.frameIndex(atSeconds: at)]
    }
    let frame = frame ?? 0
    guard frame < frameCount else {
      throw VideoError(.windowNotWhole, "\(video): there is no frame \(frame); the last one is \(frameCount - 1).")
    }
    return [frame]
  }

  private func size() throws -> FrameSize {
    if let shortEdge {
      guard shortEdge >= 1 else { throw ValidationError("--short-edge must be 1 or more.") }
      return .shortEdge(shortEdge)
    }
    guard let resize else { return .native }
    let sides = resize.split(separator: "x").map { Int($0) }
    guard sides.count == 2, let height = sides[0], let width = sides[1], height >= 1, width >= 1 else {
      throw ValidationError("--resize must be HxW, such as 128x171, not \(resize).")
    }
    return .exact(height: height, width: width)
  }

  private struct Report: Encodable {
    var clips: Int
    var frames: Int
    var height: Int
    var width: Int
    var starts: [Int]
    var frameCount: Int
    var framesDecoded: Int
    var output: String

    enum CodingKeys: String, CodingKey {
      case clips, frames, height, width, starts, output
      case frameCount = "frame_count"
      case framesDecoded = "frames_decoded"
    }
  }
}
