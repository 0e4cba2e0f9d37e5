internal import Tensors
package import Video

/// What somebody does to a video before uploading it again.
package enum Reupload: String, Sendable, CaseIterable, Codable {
  /// Encoded again at crf 35.
  case reencoded
  /// Six tenths of the size.
  case scaled
  /// A tenth of the width and of the height cut away, on any side.
  case cropped
  case mirrored
  /// A strip with writing over the lower eighth.
  case captioned
  /// 1.25 times as fast.
  case faster
  /// Three seconds from anywhere in it; of a video hardly longer, three fifths.
  case excerpt

  /// Frames that are in memory at once.
  private static let batch = 60

  /// Writes a copy of a video's frames.
  ///
  /// - Parameters:
  ///   - frames: of the source; nil for all.
  ///   - seed: of what is cut away, written and left out.
  /// - Throws: for a source that cannot be decoded or a copy that cannot be written.
  package func write(
    _ source: String, frames: Range<Int>? = nil, seed: UInt64, to path: String
  ) throws(VideoError) {
    var random = RandomSource(seed, 0x5EED_C0B1)
    let decoder = try VideoDecoder(path: source)
    let info = decoder.info
    let kept = part(of: frames ?? 0..<info.frameCount, framesPerSecond: info.framesPerSecond, using: &random)
    let scale = self == .scaled ? 0.6 : 1
    let size = FrameSize.exact(
      height: Self.even(Double(info.height) * scale), width: Self.even(Double(info.width) * scale))
    let place = (top: random.unit(), left: random.unit())
    var writer: VideoWriter?
    for first in stride(from: kept.lowerBound, to: kept.upperBound, by: Self.batch) {
      let range = first..<min(first + Self.batch, kept.upperBound)
      let tensor = try decoder.frames(at: Array(range), size: size, format: .yuv420p)
      for index in 0..<range.count {
        let frame = edited(PlanarFrame(tensor, index), place: place, seed: seed)
        let target: VideoWriter
        if let writer {
          target = writer
        } else {
          target = try makeWriter(path, frame: frame, framesPerSecond: info.framesPerSecond)
          writer = target
        }
        try target.append(
          y: UnsafeRawBufferPointer(frame.y), u: UnsafeRawBufferPointer(frame.u), v: UnsafeRawBufferPointer(frame.v))
      }
    }
    try writer?.finish()
  }

  private func part(
    of frames: Range<Int>, framesPerSecond: Double, using random: inout RandomSource
  ) -> Range<Int> {
    guard self == .excerpt else { return frames }
    let wanted = min(Int(3 * framesPerSecond), frames.count * 3 / 5)
    let count = max(1, wanted)
    let first = frames.lowerBound + random.index(below: frames.count - count + 1)
    return first..<first + count
  }

  private func edited(_ frame: PlanarFrame, place: (top: Float, left: Float), seed: UInt64) -> PlanarFrame {
    switch self {
    case .reencoded, .scaled, .faster, .excerpt: return frame
    case .mirrored: return frame.mirrored()
    case .cropped:
      let (height, width) = (Self.even(Double(frame.height) * 0.9), Self.even(Double(frame.width) * 0.9))
      return frame.cropped(
        top: Int(place.top * Float(frame.height - height)) / 2 * 2,
        left: Int(place.left * Float(frame.width - width)) / 2 * 2, height: height, width: width)
    case .captioned:
      frame.write(seed: seed)
      return frame
    }
  }

  private func makeWriter(
    _ path: String, frame: PlanarFrame, framesPerSecond: Double
  ) throws(VideoError) -> VideoWriter {
    var options = VideoWriterOptions()
    options.preset = "superfast"
    options.gop = 60
    options.colorMatrix = .bt601
    options.crf = self == .reencoded ? 35 : 28
    let rate = framesPerSecond * (self == .faster ? 1.25 : 1)
    // In 1/1001: the rates that are in use, whole ones and those of NTSC, are exact.
    return try VideoWriter(
      path: path, width: frame.width, height: frame.height,
      framesPerSecond: (num: Int((min(max(rate, 1), 900) * 1001).rounded()), den: 1001), options: options)
  }

  private static func even(_ side: Double) -> Int { max(16, Int(side) / 2 * 2) }
}

extension PlanarFrame {
  /// A copy of one frame of a tensor in planes.
  fileprivate convenience init(_ tensor: FrameTensor, _ index: Int) {
    self.init(width: tensor.width, height: tensor.height)
    let bytes = tensor.frame(index)
    let luma = y.count
    UnsafeMutableRawBufferPointer(y).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<luma]))
    for (plane, from) in [(u, luma), (v, luma + u.count)] {
      UnsafeMutableRawBufferPointer(plane).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[from..<from + plane.count]))
    }
  }

  /// All planes with where their pixels come from.
  private func mapped(height: Int, width: Int, _ source: (_ row: Int, _ column: Int, _ divisor: Int) -> Int)
    -> PlanarFrame
  {
    let result = PlanarFrame(width: width, height: height)
    for (from, to, divisor) in [(y, result.y, 1), (u, result.u, 2), (v, result.v, 2)] {
      for row in 0..<height / divisor {
        for column in 0..<width / divisor {
          to[row * (width / divisor) + column] = from[source(row, column, divisor)]
        }
      }
    }
    return result
  }

  fileprivate func mirrored() -> PlanarFrame {
    mapped(height: height, width: width) { row, column, divisor in (row + 1) * (width / divisor) - 1 - column }
  }

  /// - Parameters: all even.
  fileprivate func cropped(top: Int, left: Int, height: Int, width: Int) -> PlanarFrame {
    mapped(height: height, width: width) { row, column, divisor in
      (row + top / divisor) * (self.width / divisor) + column + left / divisor
    }
  }

  /// A dark strip over the lower eighth with something like letters in it.
  fileprivate func write(seed: UInt64) {
    let top = height * 7 / 8 / 2 * 2
    var random = RandomSource(seed, 0xCA_B710)
    let cell = max(2, (height - top) / 8)
    let letters = (0..<width / cell + 1).map { _ in random.next() }
    for row in top..<height {
      let line = (row - top) / cell
      for column in 0..<width {
        let isInk = (1...6).contains(line) && letters[column / cell] >> UInt64(line) & 1 == 1
        y[row * width + column] = isInk ? 235 : 24
        u[row / 2 * (width / 2) + column / 2] = 128
        v[row / 2 * (width / 2) + column / 2] = 128
      }
    }
  }
}
