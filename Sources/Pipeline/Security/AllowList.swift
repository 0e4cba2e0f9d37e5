import Foundation
import Glibc
import Synchronization

/// Which keys may enter now, as the key directory says: read again whenever a file there has changed. Thread-safe.
///
/// A directory that cannot be looked into for the moment leaves the list as it was; one that stays away is an empty list.
package final class AllowList: Sendable {
  private struct State {
    var keys: [KeyRole: Set<String>] = [:]
    var signatures: [KeyRole: [String]] = [:]
    var removals: [KeyRole: Int] = [:]
    var missingSince: [KeyRole: Double] = [:]
    var lookedAt = -Double.infinity
  }

  private let directory: KeyDirectory
  private let clock: @Sendable () -> Double
  private let state = Mutex(State())
  private static let lookSeconds = 0.5
  private static let missingSeconds = 1.0

  /// - Parameter clock: seconds that only rise.
  package init(_ directory: KeyDirectory, clock: @escaping @Sendable () -> Double = { Monotonic.seconds() }) {
    self.directory = directory
    self.clock = clock
  }

  /// Whether `key` may enter the sockets of `role`.
  /// - Parameter isFresh: look at the directory now; otherwise what it said up to half a second ago counts.
  package func allows(_ key: String, _ role: KeyRole, isFresh: Bool = false) -> Bool {
    state.withLock { state in
      look(&state, isFresh)
      return state.keys[role]?.contains(key) ?? false
    }
  }

  /// Rises whenever keys of `role` were taken off the list.
  package func removals(_ role: KeyRole) -> Int {
    state.withLock { state in
      look(&state, false)
      return state.removals[role] ?? 0
    }
  }

  private func look(_ state: inout State, _ isFresh: Bool) {
    let now = clock()
    guard isFresh || now - state.lookedAt >= Self.lookSeconds else { return }
    state.lookedAt = now
    for role in KeyRole.allCases {
      guard let names = names(role, &state, now), let revoked = revokedFiles() else { continue }
      let allowed = names.map { directory.file(role, $0, .allowed) }
      guard let signature = signature(allowed + revoked), signature != state.signatures[role],
        let found = keys(allowed), let taken = keys(revoked)
      else { continue }
      let keys = found.subtracting(taken)
      if !(state.keys[role] ?? []).isSubset(of: keys) { state.removals[role, default: 0] += 1 }
      state.keys[role] = keys
      state.signatures[role] = signature
    }
  }

  /// The names of a role's files; nil while they cannot be told. A folder that is away for a moment, as when it is
  /// replaced by another, is not empty yet.
  private func names(_ role: KeyRole, _ state: inout State, _ now: Double) -> [String]? {
    switch directory.look(role, .allowed) {
    case .found(let names):
      state.missingSince[role] = nil
      return names
    case .failed: return nil
    case .noFolder:
      let since = state.missingSince[role] ?? now
      state.missingSince[role] = since
      return now - since >= Self.missingSeconds ? [] : nil
    }
  }

  /// A key may be revoked in any role; nil while the files cannot be told.
  private func revokedFiles() -> [String]? {
    var files: [String] = []
    for role in KeyRole.allCases {
      switch directory.look(role, .revoked) {
      case .found(let names): files += names.map { directory.file(role, $0, .revoked) }
      case .failed: return nil
      case .noFolder: break
      }
    }
    return files
  }

  /// Changes with every change of one of the files; nil when one cannot be looked at for the moment.
  private func signature(_ files: [String]) -> [String]? {
    var signature: [String] = []
    for file in files {
      var status = stat()
      guard stat(file, &status) == 0 || errno == ENOENT else { return nil }
      signature.append("\(file) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)")
    }
    return signature
  }

  /// The keys in the files; nil when too many files are open to read them. One that cannot be read lets nobody in.
  private func keys(_ files: [String]) -> Set<String>? {
    var keys: Set<String> = []
    for path in files {
      if let key = try? KeyFile.publicKey(path) {
        keys.insert(key)
        continue
      }
      let file = open(path, O_RDONLY | O_CLOEXEC)
      guard file >= 0 || ![EMFILE, ENFILE, ENOMEM, EIO, ESTALE].contains(errno) else { return nil }
      if file >= 0 { close(file) }
    }
    return keys
  }
}
