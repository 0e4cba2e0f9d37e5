import Foundation
import Video

/// A folder that goes with the value that owns it.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-video-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: url.appendingPathComponent(name))
    return path(name)
  }
}

/// SplitMix64: the tests' only source of chance.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

enum TestVideo {
  /// Frame `index` of the test pattern, (H, W, 3): a gradient, a moving square and a bar whose place tells the index.
  static func frame(_ index: Int, width: Int, height: Int) -> [UInt8] {
    var rgb = [UInt8](repeating: 0, count: width * height * 3)
    let (squareX, squareY) = (index * 3 % max(width - 8, 1), index * 2 % max(height - 8, 1))
    for y in 0..<height {
      for x in 0..<width {
        let at = (y * width + x) * 3
        let isSquare = x >= squareX && x < squareX + 8 && y >= squareY && y < squareY + 8
        rgb[at] = isSquare ? 250 : UInt8(truncatingIfNeeded: x * 200 / width + index)
        rgb[at + 1] = isSquare ? 20 : UInt8(truncatingIfNeeded: y * 200 / height)
        rgb[at + 2] = y < 4 && x < index % width ? 255 : 60
      }
    }
    return rgb
  }

  /// Writes `frames` frames of the pattern; `ticks`, repeated, are the frames' stays.
  static func write(
    to path: String, frames: Int = 60, width: Int = 64, height: Int = 48, rate: (num: Int, den: Int) = (25, 1),
    ticks: [Int] = [1], configure: (inout VideoWriterOptions) -> Void = { _ in }
  ) throws {
    var options = VideoWriterOptions()
    options.gop = 12
    configure(&options)
    let writer = try VideoWriter(path: path, width: width, height: height, framesPerSecond: rate, options: options)
    for index in 0..<frames {
      try frame(index, width: width, height: height).withUnsafeBytes { rgb in
        try writer.append(rgb: rgb, ticks: ticks[index % ticks.count])
      }
    }
    try writer.finish()
  }
}
