extension Topology {
  /// Stages whose workers may be added and taken away while a run goes on.
  private static let scalable: [Stage] = workerStages.filter { $0 != .average }

  static func readAutoscale(_ section: SectionReader?) -> [Stage: ClosedRange<Int>] {
    guard let section else { return [:] }
    defer { section.finish() }
    var limits: [Stage: ClosedRange<Int>] = [:]
    section.refuse("average", "average shards are fixed at the start of a run")
    for stage in scalable {
      guard let own = section.section(stage.rawValue, required: false) else { continue }
      defer { own.finish() }
      let least = own.integer("min", default: 1, in: 1...4096)
      let most = own.integer("max", in: 1...4096)
      if own.has("max"), most < least { own.fail("max", "\(most) is less than min (\(least))") }
      limits[stage] = least...max(least, most)
    }
    return limits
  }

  /// Shards are not taken away with their train workers.
  func checkAutoscale(_ root: SectionReader) {
    for stage in Self.scalable {
      let least = hosts.reduce(0) { $0 + $1.fixedCount(stage) }
      guard let limits = autoscale[stage], limits.lowerBound < least else { continue }
      root.section("autoscale", required: false)?.fail(
        stage.rawValue, "min is \(limits.lowerBound), but \(least) share their process with an average shard and stay")
    }
  }
}
