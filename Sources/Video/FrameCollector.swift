import CLibAV
import Tensors

/// The result of one call: which frames go where, and those that have arrived.
struct FrameCollector: ~Copyable {
  /// Frames wanted, ascending, each once.
  let wanted: [Int]
  /// Per wanted frame: its pixels are in the tensor.
  private(set) var hasArrived: [Bool]
  private let path: String
  private let size: FrameSize
  private let format: PixelFormat
  private let budget: DecodeBudget
  private let isTransposed: Bool
  private let places: [[Int]]
  private var converter: FrameConverter
  private var tensor: FrameTensor?

  init(
    indices: [Int], size: FrameSize, format: PixelFormat, path: String, orientation: Orientation, budget: DecodeBudget
  ) {
    var wanted: [Int] = []
    var places: [[Int]] = []
    for (place, index) in indices.enumerated().sorted(by: { ($0.element, $0.offset) < ($1.element, $1.offset) }) {
      if wanted.last == index {
        places[places.count - 1].append(place)
      } else {
        wanted.append(index)
        places.append([place])
      }
    }
    self.wanted = wanted
    self.places = places
    self.hasArrived = Array(repeating: false, count: wanted.count)
    self.path = path
    self.size = size
    self.format = format
    self.budget = budget
    self.isTransposed = orientation.isTransposed
    self.converter = FrameConverter(path: path, orientation: orientation, format: format)
  }

  /// Place of a frame in `wanted`.
  func place(of index: Int) -> Int? {
    var (low, high) = (0, wanted.count)
    while low < high {
      let middle = (low + high) / 2
      if wanted[middle] < index { low = middle + 1 } else { high = middle }
    }
    return low < wanted.count && wanted[low] == index ? low : nil
  }

  /// Converts `frame` into all places of `wanted[number]`.
  mutating func add(_ frame: UnsafeMutablePointer<AVFrame>, for number: Int) throws(VideoError) {
    if self.tensor == nil { self.tensor = try allocate(for: frame) }
    guard let tensor else { return }
    let frameBytes = tensor.frameByteCount
    let first = places[number][0]
    try converter.convert(
      frame,
      to: UnsafeMutableRawBufferPointer(rebasing: tensor.buffer.bytes[first * frameBytes..<(first + 1) * frameBytes]),
      height: tensor.height, width: tensor.width)
  }

  /// Settles what `add` wrote.
  mutating func markArrived(_ number: Int) { hasArrived[number] = true }

  /// The tensor, once every wanted frame has arrived.
  consuming func finish() throws(VideoError) -> FrameTensor {
    guard let tensor, hasArrived.allSatisfy({ $0 }) else {
      throw VideoError(.windowNotWhole, "\(path): frames of the window are missing")
    }
    let frameBytes = tensor.frameByteCount
    let base = tensor.buffer.bytes.baseAddress!
    for sharing in places {
      for place in sharing.dropFirst() {
        (base + place * frameBytes).copyMemory(from: base + sharing[0] * frameBytes, byteCount: frameBytes)
      }
    }
    return tensor
  }

  /// Allocates by the size of a frame that has been decoded, never by what a header claims.
  private func allocate(for frame: UnsafeMutablePointer<AVFrame>) throws(VideoError) -> FrameTensor {
    let (across, down) = (Int(frame.pointee.width), Int(frame.pointee.height))
    let shown = isTransposed ? (width: down, height: across) : (width: across, height: down)
    var result: (width: Int, height: Int)
    switch size {
    case .native: result = shown
    case .exact(let height, let width): result = (width, height)
    case .shortEdge(let edge):
      let short = min(shown.width, shown.height)
      func scaled(_ side: Int) -> Int { (side * edge + short / 2) / short }
      guard (1...DecodeBudget.longestSide).contains(edge) else {
        throw VideoError(.unsupported, "\(path): cannot scale the short edge to \(edge) pixels")
      }
      result = (scaled(shown.width), scaled(shown.height))
    }
    let sides = 1...DecodeBudget.longestSide
    guard sides.contains(result.width), sides.contains(result.height)
    else { throw VideoError(.unsupported, "\(path): cannot scale to \(result.width)x\(result.height)") }
    result = (format.side(result.width), format.side(result.height))
    let frameCount = places.reduce(0) { $0 + $1.count }
    let (bytes, overflow) = frameCount.multipliedReportingOverflow(
      by: format.frameByteCount(height: result.height, width: result.width))
    guard !overflow, bytes <= budget.resultBytes else {
      throw VideoError(
        .budgetExceeded, "\(path): \(frameCount) frames of \(result.width)x\(result.height) are too many bytes at once")
    }
    return FrameTensor(frames: frameCount, height: result.height, width: result.width, format: format)
  }
}
