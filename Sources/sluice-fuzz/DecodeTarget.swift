import CLibAV
import Foundation
import Glibc
import Tensors
import Video
import Wire

/// Demuxing and decoding of damaged files: no trap, no access out of bounds, and one outcome for a window however it is
/// come by. The bytes are a file; a second one differs from it in a few bits, as a file that is damaged after it was indexed.
final class DecodeTarget: FuzzTarget {
  private enum Outcome: Equatable {
    case pixels([UInt8])
    case failure
  }

  private static let windows = [[0, 1, 2], [9, 11], [5, 17]]
  private static let budget = {
    var budget = DecodeBudget.standard
    (budget.packets, budget.frames, budget.pixels, budget.resultBytes) = (4000, 400, 1 << 25, 1 << 24)
    return budget
  }()

  /// Of the seeds, by their size: what an index said before a file was damaged.
  private let intact: [Int: VideoProbe.Finding]
  private let descriptor: Int32
  private var path: String { "/proc/self/fd/\(descriptor)" }

  init(seeds: String) throws {
    var intact: [Int: VideoProbe.Finding] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: seeds).sorted() {
      let finding = try VideoProbe.index(path: "\(seeds)/\(name)")
      intact[finding.info.byteCount] = finding
    }
    self.intact = intact
    descriptor = clibav_memory_file("fuzz")
    precondition(descriptor >= 0, "no file in memory")
  }

  func run(_ bytes: UnsafeRawBufferPointer) {
    write(bytes)
    let hash = XXH3.hash(bytes)
    // One question an input, chosen by its bytes, so that more inputs are tried.
    switch hash % 4 {
    case 0: _ = expectAlike(nil)
    case 1:
      guard let finding = try? VideoProbe.index(path: path) else { return }
      precondition(alone(finding) == alone(nil), "by the file's own table")
    case 2:
      guard let finding = try? VideoProbe.index(path: path) else { return }
      damage(bytes, hash)
      _ = expectAlike(finding)
    default: if let finding = intact[bytes.count] { _ = expectAlike(finding) } else { _ = alone(nil) }
    }
  }

  private func alone(_ finding: VideoProbe.Finding?) -> [Outcome] {
    DecodeTarget.windows.map { window in outcome(decoder(finding, window), window) }
  }

  /// All windows by decoders of their own, by one, and in one pass. A table that is not the file's own may be used for the
  /// windows alone where the file must be read through for all of them: then they may fail together.
  private func expectAlike(_ finding: VideoProbe.Finding?) -> [Outcome] {
    let alone = alone(finding)
    let whole = decoder(finding, nil)
    for place in [2, 0, 1] {
      precondition(outcome(whole, DecodeTarget.windows[place]) == alone[place], "window \(place) by one decoder")
    }
    let together = outcome(whole, DecodeTarget.windows.flatMap { $0 })
    if together == .failure {
      precondition(alone.contains(.failure) || finding != nil, "windows that fail together only")
    } else {
      let pixels = alone.flatMap { if case .pixels(let pixels) = $0 { pixels } else { [UInt8]() } }
      precondition(together == .pixels(pixels), "windows in one pass")
    }
    return alone
  }

  private func decoder(_ finding: VideoProbe.Finding?, _ frames: [Int]?) -> VideoDecoder? {
    let indexed = finding.map { finding in
      frames.map { finding.indexed(for: $0) }
        ?? IndexedVideo(byteCount: finding.info.byteCount, frameCount: finding.info.frameCount, table: finding.table)
    }
    return try? VideoDecoder(path: path, indexed: indexed, budget: DecodeTarget.budget)
  }

  private func outcome(_ decoder: VideoDecoder?, _ window: [Int]) -> Outcome {
    guard let clip = try? decoder?.frames(at: window, size: .exact(height: 18, width: 26)) else { return .failure }
    return withExtendedLifetime(clip) { .pixels(Array(clip.buffer.bytes)) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) {
    precondition(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count)
  }

  /// Flips bits between the ends, which a table knows, in places that follow from the bytes themselves.
  private func damage(_ bytes: UnsafeRawBufferPointer, _ hash: UInt64) {
    let span = bytes.count - 8192
    guard span > 0 else { return }
    var state = hash
    for _ in 0..<3 {
      let place = 4096 + Int(state >> 16) % span
      var byte = bytes[place] ^ UInt8(1 << (state & 7))
      precondition(pwrite(descriptor, &byte, 1, off_t(place)) == 1)
      state = state &* 6_364_136_223_846_793_005 &+ 1
    }
  }
}
