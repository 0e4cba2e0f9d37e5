extension Topology {
  /// Settings that change what a run computes, for the checkpoint; a resume refuses other values.
  ///
  /// Left out is what only says where and how fast work is done (hosts, `autoscale`, links, `in_flight`, `train.threads`), what is
  /// kept (`checkpoint`), when a run gives up (`lost_after`, `decode_limit`, retries, `max_bad_fraction`), names and places (`name`,
  /// `corpus`: its fingerprint is compared), and `train.kernels`, whose effect the numerics fingerprint shows.
  package func settingsThatInfluenceResults() -> [(path: String, value: String)] {
    let influential = ["seed", "subset", "clip", "sampling", "train", "evaluate"]
    let exceptions = ["train.threads", "train.kernels"]
    return settings().filter { setting in
      let section = setting.path.prefix { $0 != "." }
      return setting.path == "links.format"
        || (influential.contains(String(section)) && !exceptions.contains(setting.path))
    }
  }

  /// Differences between two topologies in the settings that influence results, from `other` to this one.
  ///
  /// - Returns: texts like `train.batch: 8 → 16`, in the order of the file.
  package func differences(from other: Topology) -> [String] {
    Self.differences(from: other.settingsThatInfluenceResults(), to: settingsThatInfluenceResults())
  }

  /// The same for settings that were read back from a checkpoint.
  package static func differences(
    from old: [(path: String, value: String)], to new: [(path: String, value: String)]
  ) -> [String] {
    var paths = new.map(\.path)
    paths += old.map(\.path).filter { path in !paths.contains(path) }
    return paths.compactMap { path in
      let before = old.first { $0.path == path }?.value ?? "none"
      let after = new.first { $0.path == path }?.value ?? "none"
      return before == after ? nil : "\(path): \(before) → \(after)"
    }
  }
}
