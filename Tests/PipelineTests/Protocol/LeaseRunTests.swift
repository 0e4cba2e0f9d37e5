import Pipeline
import Testing

/// Where decode workers may hold many leases, they get them several at a time.
@Suite struct LeaseRunTests {
  private func grants(clipsInFlight: Int, decoders: Int) -> (limit: Int, grants: [WorkWindow.Grant]) {
    var settings = WorkWindow.Settings()
    settings.lease(clipsInFlight: clipsInFlight, decoders: decoders)
    var window = WorkWindow(settings: settings)
    for number in 0..<decoders { window.join("d\(number)", stage: .decode) }
    window.join("a", stage: .augment)
    window.join("b", stage: .batch)
    for index in 0..<(clipsInFlight / 16) {
      window.open(GroupKey(kind: .training, step: 0, index: index), slots: 16)
    }
    return (settings.leasesPerDecoder, window.grant(now: 0))
  }

  @Test func manyClipsInFlightGoInRuns() {
    let (limit, grants) = grants(clipsInFlight: 1024, decoders: 4)
    #expect(limit == 16 && grants.count == 64)
    for start in stride(from: 0, to: grants.count, by: 4) {
      #expect(Set(grants[start..<start + 4].map(\.route.decode)).count == 1)
    }
    for number in 0..<4 { #expect(grants.count { $0.route.decode == "d\(number)" } == limit) }
  }

  @Test func fewGoOneByOne() {
    let (limit, grants) = grants(clipsInFlight: 32, decoders: 4)
    #expect(limit == 4 && grants.prefix(4).map(\.route.decode) == ["d0", "d1", "d2", "d3"])
  }
}
