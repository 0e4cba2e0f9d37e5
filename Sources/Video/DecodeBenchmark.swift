import Glibc
package import Tensors

/// `bench decode`: the speed of opening files and decoding clips from them, on one thread.
package struct DecodeBenchmark: Sendable {
  /// What the command prints.
  package struct Result: Sendable, Equatable, Encodable {
    package let clipsPerSecond: Double
    package let clipsPerCPUSecond: Double
    /// Frames the codec put out for one clip, kept or not: what the distance to the keyframe costs.
    package let framesDecodedPerClip: Double
    /// Files that were opened by a packet table, made before the clock started.
    package let filesWithTable: Int

    enum CodingKeys: String, CodingKey {
      case clipsPerSecond = "clips_per_second"
      case clipsPerCPUSecond = "clips_per_cpu_second"
      case framesDecodedPerClip = "frames_decoded_per_clip"
      case filesWithTable = "files_with_table"
    }
  }

  package let files: [String]
  package let frames: Int
  package let stride: Int
  package let clips: Int
  package let seed: UInt64
  /// First frames of the clips in turn, the first again after the last; nil draws them from `seed`.
  package let starts: [Int]?
  /// Clips a call: more than one are spread evenly over the file, as for testing, instead of random ones.
  package let uniform: Int
  /// Files are opened as if they had never been indexed.
  package let isCold: Bool
  package let format: PixelFormat

  /// - Parameters:
  ///   - files: at least one; clip i is taken from file i mod their number.
  ///   - frames: frames a clip, `stride` apart.
  package init(
    files: [String], frames: Int, stride: Int, clips: Int, seed: UInt64, starts: [Int]? = nil, uniform: Int = 1,
    isCold: Bool = false, format: PixelFormat = .rgb24
  ) throws(VideoError) {
    guard !files.isEmpty, (1...10_000).contains(frames), (1...10_000).contains(stride),
      (1...10_000_000).contains(clips)
    else {
      throw VideoError(
        .unsupported, "bench decode: needs a file, --frames and --stride of 1 to 10000, and --clips of 1 to 10000000")
    }
    guard starts.map({ !$0.isEmpty && $0.allSatisfy { start in (0...1 << 40).contains(start) } }) ?? true else {
      throw VideoError(.unsupported, "bench decode: --starts needs frame numbers of at least 0")
    }
    self.files = files
    self.frames = frames
    self.stride = stride
    self.clips = clips
    self.seed = seed
    self.starts = starts
    guard (1...1000).contains(uniform), uniform <= clips else {
      throw VideoError(.unsupported, "bench decode: --uniform must be 1 to 1000, and --clips at least as many")
    }
    self.uniform = uniform
    self.isCold = isCold
    self.format = format
  }

  /// Indexes the files as `corpus build` does, unless `isCold`; then, measured, decodes the clips, scaled to 128x171.
  /// Each clip opens its file anew with its part of the packet table, as a worker does that meets another video with every
  /// item.
  package func run() throws(VideoError) -> Result {
    var random = SplitMix64(state: seed)
    var found: [VideoProbe.Finding] = []
    if !isCold { for file in files { found.append(try VideoProbe.index(path: file)) } }
    var framesDecoded = 0
    let wallStart = DecodeBenchmark.seconds(CLOCK_MONOTONIC)
    let cpuStart = DecodeBenchmark.seconds(CLOCK_PROCESS_CPUTIME_ID)
    for clip in 0..<clips / uniform {
      let path = files[clip % files.count]
      let finding = isCold ? nil : found[clip % files.count]
      var cold: VideoDecoder?
      if finding?.table == nil { cold = try VideoDecoder(path: path) }
      let frameCount = cold?.info.frameCount ?? finding?.info.frameCount ?? 1
      let places = max(frameCount - (frames - 1) * stride, 1)
      let drawn = Int(Double.random(in: 0..<1, using: &random) * Double(places))
      let start = starts.map { $0[clip % $0.count] } ?? drawn
      guard starts == nil || start + (frames - 1) * stride < frameCount else {
        throw VideoError(
          .windowNotWhole, "\(path): --starts \(start): the clip goes past the last frame, \(frameCount - 1)")
      }
      let first =
        uniform == 1
        ? [start]
        : uniformClipStarts(clips: uniform, frames: frames, stride: Double(stride), frameCount: frameCount)
      let window = first.flatMap { first in
        Window.indices(start: first, count: frames, stride: Double(stride), frameCount: frameCount)
      }
      let decoder: VideoDecoder
      if let cold {
        decoder = cold
      } else {
        decoder = try VideoDecoder(path: path, indexed: finding?.indexed(for: window))
      }
      _ = try decoder.frames(at: window, size: .exact(height: 128, width: 171), format: format)
      framesDecoded += decoder.statistics.framesDecoded
    }
    let wall = DecodeBenchmark.seconds(CLOCK_MONOTONIC) - wallStart
    let cpu = DecodeBenchmark.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpuStart
    let clips = clips / uniform * uniform
    return Result(
      clipsPerSecond: Double(clips) / max(wall, 1e-9), clipsPerCPUSecond: Double(clips) / max(cpu, 1e-9),
      framesDecodedPerClip: Double(framesDecoded) / Double(clips), filesWithTable: found.count { $0.table != nil })
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
