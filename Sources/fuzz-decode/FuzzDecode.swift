import Glibc
import Tensors
import Video

/// libFuzzer's target for demuxing and decoding; `scripts/fuzz decode` builds and runs it. The input is a video file.
@main
enum FuzzDecode {
  static func main() {
    var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
    exit(runLibFuzzer(&count, &arguments, { decodeInEveryWay($0, $1) }))
  }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Whatever the bytes, no call traps, and what a window gives, pixels or verdict, is the same by a fresh decoder and by a
/// used one, alone and in one pass with others, by a packet table of the file and without.
private func decodeInEveryWay(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let bytes, count > 0 else { return 0 }
  let file = UnnamedFile(UnsafeRawBufferPointer(start: bytes, count: count))
  let windows = [[0, 1, 2, 3], [10, 12, 14], [22, 23], [3, 9, 20]]
  let plain = outcomes(file.path, nil, windows)
  if let finding = try? VideoProbe.index(path: file.path) {
    let tabled = outcomes(file.path, finding, windows)
    guard tabled == plain else { fatalError("by the packet table \(tabled), without \(plain)") }
  }
  return 0
}

/// Digest of the pixels, or the verdict.
private enum Outcome: Equatable {
  case pixels(Int)
  case failure(VideoError.Code)
}

/// Outcomes of the windows by a fresh decoder each, checked against other ways to decode them.
private func outcomes(_ path: String, _ finding: VideoProbe.Finding?, _ windows: [[Int]]) -> [Outcome] {
  let alone = windows.map { outcome(path, finding?.indexed(for: $0), [$0])[0] }
  let union = Array(Set(windows.joined())).sorted()
  let indexed = finding?.indexed(for: union)
  let backwards = Array(outcome(path, indexed, windows.reversed()).reversed())
  guard backwards == alone else { fatalError("one after the other \(backwards), alone \(alone)") }
  let shared = outcome(path, indexed, [union])[0]
  let isFailure = alone.contains { if case .failure = $0 { true } else { false } }
  if case .failure = shared {
    guard alone.contains(shared) else { fatalError("in one pass \(shared), alone \(alone)") }
  } else if isFailure {
    fatalError("in one pass pixels, alone \(alone)")
  }
  return alone
}

/// Outcomes of the windows by one decoder, in this order.
private func outcome(_ path: String, _ indexed: IndexedVideo?, _ windows: [[Int]]) -> [Outcome] {
  // Small enough that no file crawls.
  var budget = DecodeBudget.standard
  (budget.packets, budget.frames, budget.pixels) = (4000, 2000, 1 << 27)
  do throws(VideoError) {
    let decoder = try VideoDecoder(path: path, indexed: indexed, budget: budget)
    return windows.map { window in
      do throws(VideoError) {
        let frames = try decoder.frames(at: window, size: .exact(height: 24, width: 32))
        var hasher = Hasher()
        withExtendedLifetime(frames) { hasher.combine(bytes: UnsafeRawBufferPointer(frames.buffer.bytes)) }
        return .pixels(hasher.finalize())
      } catch {
        return .failure(error.code)
      }
    }
  } catch {
    return windows.map { _ in .failure(error.code) }
  }
}

/// Bytes that libav opens by a path.
private final class UnnamedFile {
  private let descriptor: CInt
  var path: String { "/proc/self/fd/\(descriptor)" }

  init(_ bytes: UnsafeRawBufferPointer) {
    var name = Array("/tmp/fuzz-decode-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    unlink(name)
    guard write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else { fatalError("/tmp takes no file") }
  }

  deinit { close(descriptor) }
}
