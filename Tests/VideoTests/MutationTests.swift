import Foundation
import Tensors
import Testing
import Video

/// What a mutated file gives, pixels or verdict, is a function of its bytes and of the window alone: decoded by a fresh
/// decoder or after other windows in any order, alone or in one pass with others, by a packet table or without. 200 files.
struct MutationTests {
  private typealias Outcome = DamageTests.Outcome

  private static let windows = DamageTests.windows
  private static let union = Array(Set(windows.joined())).sorted()
  private static let orders = [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 4, 1, 0, 2]]
  private static let mutationsOfAKind = 25

  @Test(arguments: ["mp4", "mkv", "ts", "avi", "mpeg4.avi", "webm", "mjpeg.mov", "hevc.mkv"])
  func mutatedFilesGiveTheSameOutcomeHoweverDecoded(kind: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.\(kind)")
    try write(kind, to: path)
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let intact = try VideoProbe.index(path: path)
    let sound = outcomes(path, nil, "intact")
    #expect(!sound.contains { $0.isFailure })
    var random = SplitMix64(state: 11)
    var failureCount = 0
    for trial in 0..<Self.mutationsOfAKind {
      let bytes = mutate(whole, trial: trial, using: &random)
      let damaged = try folder.write(bytes, to: "damaged.\(kind)")
      let plain = outcomes(damaged, nil, "trial \(trial)")
      failureCount += plain.count { $0.isFailure }
      // Indexed after it was damaged: as without a table.
      if let own = try? VideoProbe.index(path: damaged) {
        #expect(outcomes(damaged, own, "trial \(trial), own table") == plain, "trial \(trial)")
      }
      // Indexed before: damage that a window does not need may go unseen, but always alike.
      _ = outcomes(damaged, intact, "trial \(trial), table of the intact file")
    }
    #expect(failureCount > 0)
  }

  private func write(_ kind: String, to path: String) throws {
    try TestVideo.write(to: path) { options in
      options.bFrames = kind == "mjpeg.mov" ? nil : 2
      switch kind {
      case "webm": options.codec = "libvpx-vp9"
      case "mpeg4.avi": options.codec = "mpeg4"
      case "hevc.mkv": options.codec = "libx265"
      case "mjpeg.mov":
        options.codec = "mjpeg"
        options.pixelFormat = "yuvj420p"
      default: break
      }
    }
  }

  /// Cuts the end off, or flips bits: anywhere, or in the headers, which are at an end of the file.
  private func mutate(_ whole: [UInt8], trial: Int, using random: inout SplitMix64) -> [UInt8] {
    var bytes = whole
    guard trial % 4 != 0 else {
      bytes.removeLast(Int.random(in: 1..<whole.count, using: &random))
      return bytes
    }
    let span = trial % 4 == 1 ? whole.count : min(whole.count, 2500)
    let first = trial % 4 == 3 ? whole.count - span : 0
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      bytes[first + Int.random(in: 0..<span, using: &random)] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
    }
    return bytes
  }

  /// Outcomes of all windows, the same however they are decoded.
  private func outcomes(_ path: String, _ finding: VideoProbe.Finding?, _ comment: Comment) -> [Outcome] {
    let alone = Self.windows.map { window in
      outcomes(path, finding?.indexed(for: window)) { [DamageTests.outcome($0, window)] }[0]
    }
    let indexed = finding?.indexed(for: Self.union)
    for order in Self.orders {
      let reused = outcomes(path, indexed) { decoder in
        var result = alone
        for place in order { result[place] = DamageTests.outcome(decoder, Self.windows[place]) }
        return result
      }
      #expect(reused == alone, "\(comment), order \(order)")
    }
    let shared = outcomes(path, indexed) { [DamageTests.outcome($0, Self.union)] }[0]
    // Where several windows fail, any of their verdicts may come first.
    #expect(shared == Self.joined(alone) || shared.isFailure && alone.contains(shared), "\(comment), one pass")
    return alone
  }

  /// What `body` finds, or of every window the reason that the file does not open.
  private func outcomes(
    _ path: String, _ indexed: IndexedVideo?, _ body: (VideoDecoder) -> [Outcome]
  ) -> [Outcome] {
    do {
      return body(try VideoDecoder(path: path, indexed: indexed))
    } catch {
      #expect(!error.isTransient && error.message.contains("damaged"), "\(error)")
      return Self.windows.map { _ in .failure(error.code) }
    }
  }

  /// What one pass over all frames gives: a window's failure, or every frame's pixels.
  private static func joined(_ alone: [Outcome]) -> Outcome {
    var pixels: [Int: ArraySlice<UInt8>] = [:]
    for (window, outcome) in zip(windows, alone) {
      guard case .pixels(let bytes) = outcome else { return outcome }
      let size = bytes.count / window.count
      for (place, frame) in window.enumerated() { pixels[frame] = bytes[place * size..<(place + 1) * size] }
    }
    return .pixels(union.flatMap { pixels[$0] ?? [] })
  }
}
