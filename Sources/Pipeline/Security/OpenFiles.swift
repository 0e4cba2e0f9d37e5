import Glibc

/// The limit of open files, of which every connection takes one.
package enum OpenFiles {
  /// Raises the soft limit to the hard one; children inherit it.
  /// - Throws: `.configuration` when that is below what so many workers may need.
  package static func raise(workers: Int) throws(PipelineError) {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    // Of all limits the kernel knows, this one can always be read.
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
    let needed = needed(workers: workers)
    guard limit.rlim_max >= rlim_t(needed) else {
      throw PipelineError(
        .configuration,
        "\(workers) workers may need \(needed) open files a process, and the hard limit is \(limit.rlim_max); "
          + "raise it (ulimit -Hn, LimitNOFILE= of the service)")
    }
  }

  /// Whether this process may have as many open as so many workers may need.
  package static func areEnough(workers: Int) -> Bool {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return true }
    return limit.rlim_cur >= rlim_t(needed(workers: workers))
  }

  /// A connection each for control, data both ways, tap and a spare; what a process has anyway; and some for strangers,
  /// who are refused only once they are connected.
  package static func needed(workers: Int) -> Int { 256 + strangers + 5 * workers }

  private static let strangers = 512
}
