/// How a convolution is cut into units of work: by its shape alone, so that results do not depend on threads.
struct WorkUnits {
  /// Whether taps are products of whole frames (kernel 1 in space, stride 1 in space), without unfolding.
  let isDirect: Bool
  let count: Int
  private let shape: ConvolutionShape
  private let blockRows: Int
  private let framesPerUnit: Int

  init(_ shape: ConvolutionShape) {
    self.shape = shape
    isDirect =
      shape.kernel.height == 1 && shape.kernel.width == 1 && shape.stride.height == 1 && shape.stride.width == 1
    blockRows = Self.blockRows(shape)
    let rows = shape.batch * shape.outputRows
    // A clip is cut in time only where the batch alone gives too few units to share out.
    let cuts = shape.batch >= 4 ? 1 : min(4, shape.output.frames)
    framesPerUnit = (shape.output.frames + cuts - 1) / cuts
    let unitsPerClip = (shape.output.frames + framesPerUnit - 1) / framesPerUnit
    count = isDirect ? shape.batch * unitsPerClip : (rows + blockRows - 1) / blockRows
  }

  /// Output positions unfolded at once: about 2^17 elements, and at least four blocks if there are rows enough.
  static func blockRows(_ shape: ConvolutionShape) -> Int {
    let depth = shape.kernel.volume * shape.inChannels
    let bySize = min(max((1 << 17) / depth, 384), 4096)
    let byShare = (shape.batch * shape.outputRows + 3) / 4
    return (min(bySize, max(byShare, 64)) + 15) / 16 * 16
  }

  /// The output positions of unit `index`, for unfolded convolutions.
  func rows(_ index: Int) -> Range<Int> {
    index * blockRows..<min(shape.batch * shape.outputRows, (index + 1) * blockRows)
  }

  /// The output frames of unit `index`, for direct convolutions.
  func frames(_ index: Int) -> FrameRange {
    let unitsPerClip = (shape.output.frames + framesPerUnit - 1) / framesPerUnit
    let start = index % unitsPerClip * framesPerUnit
    return FrameRange(
      clip: index / unitsPerClip, frames: start..<min(start + framesPerUnit, shape.output.frames))
  }
}

/// Some output frames of one clip of a direct convolution.
struct FrameRange {
  let clip: Int
  let frames: Range<Int>

  /// One product: rows of x through one tap onto rows of y.
  struct Run {
    let tap: Int
    let inputRow: Int
    let outputRow: Int
    let rowCount: Int
  }

  /// The products whose sum is this range; the first ones, of the centre tap, reach every output row.
  func runs(_ shape: ConvolutionShape) -> [Run] {
    let rowsPerFrame = shape.output.height * shape.output.width
    let centre = shape.padding.frames
    var runs: [Run] = []
    for tap in [centre] + (0..<shape.kernel.frames).filter({ $0 != centre }) {
      func source(_ frame: Int) -> Int { frame * shape.stride.frames + tap - centre }
      let valid = frames.filter { source($0) >= 0 && source($0) < shape.input.frames }
      guard let first = valid.first else { continue }
      // Unit stride: the frames lie side by side in x and y alike, one product for all.
      let groups = shape.stride.frames == 1 ? [(first, valid.count)] : valid.map { ($0, 1) }
      for (frame, count) in groups {
        runs.append(
          Run(
            tap: tap, inputRow: (clip * shape.input.frames + source(frame)) * rowsPerFrame,
            outputRow: (clip * shape.output.frames + frame) * rowsPerFrame, rowCount: count * rowsPerFrame))
      }
    }
    return runs
  }

  /// How many of the first runs overwrite y rather than add to it: those of the centre tap.
  func overwriting(_ shape: ConvolutionShape) -> Int {
    shape.stride.frames == 1 ? 1 : frames.count
  }
}
