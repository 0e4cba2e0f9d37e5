import Files

/// Faults a test build can put in: what the pipeline must notice, and stand-ins for its slow parts.
///
/// The `sluice` executable leaves them all out; `sluice-faulty`, which the tests run, reads them from the environment.
package struct FaultPoints: Sendable, Equatable {
  package enum ClipFault: String, Sendable { case drop, `repeat`, swap }

  /// What to do with one clip of replica 0's batch at a step.
  package var clip: ClipFault?
  package var clipStep = 0
  /// Train and average nothing: parameters stay, everything else runs.
  package var trainsNothing = false
  /// Decode nothing: wait this long for each clip and give grey frames.
  package var mockDecodeSeconds: Double?
  /// The first decode of this step's slot 0 takes so long that its lease expires.
  package var slowDecodeStep: Int?
  package var slowDecodeSeconds = 0.0
  /// Decoding this video (by a part of its path) crashes the process.
  package var crashVideo: String?
  /// Decoding this video never ends.
  package var loopVideo: String?
  /// Decoding this video waits while there is a file of its name and `.stalled`.
  package var stallVideo: String?

  /// Each clip takes at least so long to decode: a run lasts as long as the test needs.
  package var paceSeconds = 0.0
  package var writes: [WriteFault] = []

  package static let none = FaultPoints()

  package init() {}

  /// Reads `name=value` pairs separated by commas: `clip=drop@3`, `train=nothing`, `decode=mock:0.05`,
  /// `slow=2:5.0`, `crash=000123.mp4`, `loop=000123.mp4`, `stall=000123.mp4`, `pace=0.05`, `kill=half@manifest.json@MARKER`,
  /// `full=half@manifest.json@MARKER` (see `WriteFault`).
  /// - Throws: `.configuration` for a name or value that is not known.
  package init(parsing text: String) throws(PipelineError) {
    for pair in text.split(separator: ",") {
      let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
      guard sides.count == 2 else { throw Self.unknown(pair) }
      switch sides[0] {
      case "clip":
        let parts = sides[1].split(separator: "@").map(String.init)
        guard parts.count == 2, let fault = ClipFault(rawValue: parts[0]), let step = Int(parts[1]) else {
          throw Self.unknown(pair)
        }
        (clip, clipStep) = (fault, step)
      case "train" where sides[1] == "nothing": trainsNothing = true
      case "decode":
        guard sides[1].hasPrefix("mock:"), let seconds = Double(sides[1].dropFirst(5)) else { throw Self.unknown(pair) }
        mockDecodeSeconds = seconds
      case "slow":
        let parts = sides[1].split(separator: ":")
        guard parts.count == 2, let step = Int(parts[0]), let seconds = Double(parts[1]) else {
          throw Self.unknown(pair)
        }
        (slowDecodeStep, slowDecodeSeconds) = (step, seconds)
      case "crash": crashVideo = sides[1]
      case "loop": loopVideo = sides[1]
      case "stall": stallVideo = sides[1]
      case "pace":
        guard let seconds = Double(sides[1]) else { throw Self.unknown(pair) }
        paceSeconds = seconds
      case "kill", "full":
        let parts = sides[1].split(separator: "@", maxSplits: 2).map(String.init)
        guard parts.count == 3, let step = WriteStep(rawValue: parts[0]) else { throw Self.unknown(pair) }
        writes.append(WriteFault(step: step, suffix: parts[1], marker: parts[2], kills: sides[0] == "kill"))
      default: throw Self.unknown(pair)
      }
    }
  }

  private static func unknown(_ pair: Substring) -> PipelineError {
    PipelineError(.configuration, "unknown fault point \(pair)")
  }
}
