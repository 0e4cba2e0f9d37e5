import Foundation
import Glibc
import Synchronization

/// Which keys may enter now, as the key directory says: read again whenever a file there has changed. Thread-safe.
///
/// A directory that cannot be looked into for the moment leaves the list as it was; one that is gone is an empty list.
package final class AllowList: Sendable {
  private struct State {
    var keys: [KeyRole: Set<String>] = [:]
    var signatures: [KeyRole: [String]] = [:]
    var removals: [KeyRole: Int] = [:]
    var lookedAt = -Double.infinity
  }

  private let directory: KeyDirectory
  private let state = Mutex(State())
  private static let lookSeconds = 0.5

  package init(_ directory: KeyDirectory) {
    self.directory = directory
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
    let now = Monotonic.seconds()
    guard isFresh || now - state.lookedAt >= Self.lookSeconds else { return }
    state.lookedAt = now
    for role in KeyRole.allCases {
      guard let signature = signature(role), signature != state.signatures[role] else { continue }
      // A file that cannot be read lets nobody in.
      let found = directory.names(role, .allowed).compactMap {
        try? KeyFile.publicKey(directory.file(role, $0, .allowed))
      }
      let keys = Set(found).subtracting(directory.revokedKeys)
      if !(state.keys[role] ?? []).isSubset(of: keys) { state.removals[role, default: 0] += 1 }
      state.keys[role] = keys
      state.signatures[role] = signature
    }
  }

  /// Changes with every change of a role's files; nil when the folder cannot be looked into.
  private func signature(_ role: KeyRole) -> [String]? {
    var status = stat()
    guard stat(directory.folder(role), &status) == 0 else { return errno == ENOENT || errno == ENOTDIR ? [] : nil }
    // A key may be revoked in any role.
    let files =
      directory.names(role, .allowed).map { directory.file(role, $0, .allowed) }
      + KeyRole.allCases.flatMap { role in directory.names(role, .revoked).map { directory.file(role, $0, .revoked) } }
    return files.map { file in
      var status = stat()
      stat(file, &status)
      return "\(file) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
    }
  }
}
