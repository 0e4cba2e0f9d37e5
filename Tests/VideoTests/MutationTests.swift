import Foundation
import Tensors
import Testing
import Video

/// 200 damaged files: a window has the same pixels or verdict in whatever way it is come by.
struct MutationTests {
  typealias Outcome = DamageTests.Outcome

  private static let windows = DamageTests.windows
  private static let orders = [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 1, 4, 2, 0]]
  /// Windows decoded in one call, as those of an evaluation's ten clips are.
  private static let passes = [[0, 1], [4, 0], [2, 3, 4], [3, 1, 2, 0, 4]]

  /// One way to decode windows of a file.
  struct Way {
    let path: String
    /// What an index says of the file, for given frames or (nil) for all; a decoder without it has to find out.
    var indexed: ([Int]?) -> IndexedVideo? = { _ in nil }

    init(_ path: String) { self.path = path }

    init(_ path: String, _ finding: VideoProbe.Finding, isTabled: Bool = true) {
      self.path = path
      indexed = { frames in
        if isTabled, let frames { return finding.indexed(for: frames) }
        return IndexedVideo(
          byteCount: finding.info.byteCount, frameCount: finding.info.frameCount, table: isTabled ? finding.table : nil)
      }
    }

    /// All windows by one decoder, in `order`.
    func outcomes(_ order: [Int]) -> [Outcome] {
      do {
        let decoder = try VideoDecoder(path: path, indexed: indexed(nil))
        var result = [Outcome](repeating: .failure(.io), count: windows.count)
        for place in order { result[place] = DamageTests.outcome(decoder, windows[place]) }
        return result
      } catch {
        #expect(!error.isTransient && !error.message.isEmpty, "\(error)")
        return windows.map { _ in .failure(error.code) }
      }
    }

    /// Frames by a decoder of their own.
    func alone(_ frames: [Int]) -> Outcome {
      do {
        return DamageTests.outcome(try VideoDecoder(path: path, indexed: indexed(frames)), frames)
      } catch {
        #expect(!error.isTransient && !error.message.isEmpty, "\(error)")
        return .failure(error.code)
      }
    }

    func alone() -> [Outcome] { windows.map(alone) }

    /// The windows of `pass` in one call, by a decoder of its own.
    func shared(_ pass: [Int]) -> Outcome { alone(pass.flatMap { windows[$0] }) }
  }

  private struct Kind: Sendable, CustomTestStringConvertible {
    let name: String
    var configure: @Sendable (inout VideoWriterOptions) -> Void = { $0.bFrames = 2 }
    var testDescription: String { name }
  }

  private static let kinds = [
    Kind(name: "mp4"), Kind(name: "mkv"), Kind(name: "ts"), Kind(name: "avi"),
    Kind(name: "opengop.mkv") {
      $0.bFrames = 3
      $0.extraParameters = "open-gop=1:b-adapt=0"
    },
    Kind(name: "mpeg4.avi") { $0.codec = "mpeg4" },
    Kind(name: "mpeg2.ts") {
      $0.codec = "mpeg2video"
      $0.bFrames = 2
    },
    Kind(name: "vp9.webm") { $0.codec = "libvpx-vp9" },
    Kind(name: "mjpeg.mov") {
      $0.codec = "mjpeg"
      $0.pixelFormat = "yuvj420p"
    },
    Kind(name: "hevc.mkv") {
      $0.codec = "libx265"
      $0.bFrames = 2
    },
  ]

  /// A cut, or one to eight flipped bits: anywhere, or in the headers, which are at an end of the file.
  private func mutation(of whole: [UInt8], _ trial: Int, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = whole
    if trial % 4 == 0 {
      bytes.removeLast(Int.random(in: 1..<whole.count, using: &random))
    } else {
      let span = trial % 4 == 3 ? min(whole.count, 2500) : whole.count
      let first = trial % 8 == 7 ? whole.count - span : 0
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[first + Int.random(in: 0..<span, using: &random)] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
      }
    }
    return bytes
  }

  @Test(arguments: kinds)
  private func mutatedFilesGiveTheSameOutcomeInAnyOrder(kind: Kind) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.\(kind.name)")
    try TestVideo.write(to: path, configure: kind.configure)
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let sound = DamageTests.outcomes(path)
    #expect(sound.allSatisfy { $0.isSound })
    let intact = try VideoProbe.index(path: path)
    var random = SplitMix64(state: 11)
    var failureCount = 0
    for trial in 0..<20 {
      let bytes = mutation(of: whole, trial, &random)
      let damaged = try folder.write(bytes, to: "damaged.\(kind.name)")
      let expected = Way(damaged).alone()
      failureCount += expected.count { !$0.isSound }
      expectAll(Way(damaged), expected, "trial \(trial), unknown file")
      if let finding = try? VideoProbe.index(path: damaged) {
        expectAll(Way(damaged, finding), expected, "trial \(trial), indexed as it is")
      } else {
        #expect(expected.allSatisfy { !$0.isSound }, "trial \(trial)")
      }
      expectStale(damaged, intact, sound, "trial \(trial), damaged after it was indexed")
    }
    #expect(failureCount > 0)
  }

  /// By one decoder in three orders and by five; each window alone and together with others.
  private func expectAll(_ way: Way, _ expected: [Outcome], _ what: String) {
    for order in MutationTests.orders { #expect(way.outcomes(order) == expected, "\(what), order \(order)") }
    #expect(way.alone() == expected, "\(what), alone")
    let decoder = try? VideoDecoder(path: way.path, indexed: way.indexed(nil))
    for pass in MutationTests.passes {
      expectShared(way.shared(pass), pass, expected, "\(what), pass \(pass)")
      guard let decoder else { continue }
      let frames = pass.flatMap { MutationTests.windows[$0] }
      expectShared(DamageTests.outcome(decoder, frames), pass, expected, "\(what), pass \(pass), by one decoder")
    }
  }

  /// A pass gives the pixels of all its windows, or the verdict of one that has no pixels.
  private func expectShared(_ outcome: Outcome, _ pass: [Int], _ expected: [Outcome], _ what: String) {
    let parts = pass.map { expected[$0] }
    switch outcome {
    case .pixels(let pixels):
      #expect(parts.allSatisfy { $0.isSound } && pixels == parts.flatMap { $0.pixels }, "\(what)")
    case .failure: #expect(parts.contains(outcome), "\(what): \(outcome), \(parts.filter { !$0.isSound })")
    }
  }

  /// The table of the intact file may be used where a window's part of the file is intact; elsewhere the file decides.
  private func expectStale(_ path: String, _ intact: VideoProbe.Finding, _ sound: [Outcome], _ what: String) {
    let (way, untabled) = (Way(path, intact), Way(path, intact, isTabled: false))
    let plain = untabled.alone()
    let expected = way.alone()
    for place in expected.indices {
      #expect(expected[place] == plain[place] || expected[place] == sound[place], "\(what), window \(place)")
    }
    for order in MutationTests.orders { #expect(way.outcomes(order) == expected, "\(what), order \(order)") }
    for pass in MutationTests.passes {
      let outcome = way.shared(pass)
      if outcome != untabled.shared(pass) { expectShared(outcome, pass, expected, "\(what), pass \(pass)") }
    }
    expectAll(untabled, plain, "\(what), without a table")
  }
}

extension DamageTests.Outcome {
  /// Whether a window was given.
  var isSound: Bool { if case .pixels = self { true } else { false } }

  /// None of a window that was not given.
  var pixels: [UInt8] { if case .pixels(let pixels) = self { pixels } else { [] } }
}
