import Foundation
import Glibc
import Wire

/// One page shared between a decode worker and its supervisor: the clip the worker is at, so that a crash is pinned to
/// the item that caused it. The supervisor makes it as an anonymous file; nothing is left behind.
package final class CrashMark: @unchecked Sendable {
  // Sendable: the memory is written by one thread of the worker and read by the supervisor after the worker's end.
  private let page: UnsafeMutableRawPointer
  private let descriptor: Int32
  private static let byteCount = 4096

  /// Made by the supervisor.
  package init() throws(PipelineError) {
    // A file without a name (O_TMPFILE, which Swift does not import): nothing to leave behind.
    descriptor = open("/dev/shm", O_DIRECTORY | 0o20_000_000 | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0, ftruncate(descriptor, Self.byteCount) == 0 else {
      throw PipelineError(.worker, "cannot make a crash mark: \(String(cString: strerror(errno)))")
    }
    page = try Self.map(descriptor)
  }

  /// Opened by the worker, from the supervisor's `path`.
  package init(path: String) throws(PipelineError) {
    descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw PipelineError(.worker, "cannot open the crash mark \(path): \(String(cString: strerror(errno)))")
    }
    page = try Self.map(descriptor)
  }

  deinit {
    munmap(page, Self.byteCount)
    close(descriptor)
  }

  /// Where another process of the same user opens it while this one lives.
  package var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

  package func set(_ key: ItemKey) {
    let bytes = key.encodedBody
    page.storeBytes(of: 0, as: UInt32.self)
    (page + 4).copyMemory(from: bytes, byteCount: bytes.count)
    page.storeBytes(of: UInt32(bytes.count), as: UInt32.self)
  }

  package func clear() { page.storeBytes(of: 0, as: UInt32.self) }

  /// The clip the worker was at, nil if it was at none.
  package func read() -> ItemKey? {
    let count = Int(page.load(as: UInt32.self))
    guard count > 0, count <= Self.byteCount - 4 else { return nil }
    return try? ItemKey(body: Array(UnsafeRawBufferPointer(start: page + 4, count: count)))
  }

  private static func map(_ descriptor: Int32) throws(PipelineError) -> UnsafeMutableRawPointer {
    guard let page = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), page != MAP_FAILED else {
      throw PipelineError(.worker, "cannot map a crash mark: \(String(cString: strerror(errno)))")
    }
    return page
  }
}
