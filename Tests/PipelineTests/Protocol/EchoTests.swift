import Pipeline
import Testing

/// With `clip.echo`, the clips of a window go to one decode worker, which decodes it once.
@Suite struct EchoTests {
  private func window(echo: Int, decoders: Int) -> WorkWindow {
    var settings = WorkWindow.Settings()
    settings.echo = echo
    settings.leasesPerDecoder = 2
    var window = WorkWindow(settings: settings)
    for number in 0..<decoders { window.join("d\(number)", stage: .decode) }
    window.join("a", stage: .augment)
    window.join("b", stage: .batch)
    window.open(GroupKey(kind: .training, step: 0, index: 0), slots: 12)
    return window
  }

  @Test func theClipsOfAWindowGoToOneWorker() {
    var window = window(echo: 3, decoders: 2)
    let grants = window.grant(now: 0)
    #expect(grants.count == 6, "the limit on leases holds but for the rest of a window")
    for slots in 0..<(grants.count / 3) {
      #expect(Set(grants[(slots * 3)..<(slots * 3 + 3)].map(\.route.decode)).count == 1)
    }
    #expect(Set(grants.map(\.route.decode)) == ["d0", "d1"], "both have work")
  }

  @Test func theClipsOfAnEvaluatedVideoGoToOneWorker() {
    var window = window(echo: 1, decoders: 2)
    window.close(GroupKey(kind: .training, step: 0, index: 0))
    let videos = (0..<3).map { GroupKey(kind: .evaluation, step: 1, index: $0) }
    for video in videos { window.open(video, slots: 5) }
    let grants = window.grant(now: 0)
    for video in videos {
      let own = grants.filter { $0.key.group == video }
      #expect([0, 5].contains(own.count) && Set(own.map(\.route.decode)).count <= 1)
      #expect(own.map(\.key.slot) == Array(0..<own.count), "side by side, as one pass needs them")
    }
    #expect(grants.count == 10 && Set(grants.map(\.route.decode)) == ["d0", "d1"], "a video each")
  }

  @Test func afterALossTheyAreMadeElsewhere() {
    var window = window(echo: 3, decoders: 2)
    let first = window.grant(now: 0)
    let lost = first[0].route.decode
    _ = window.leave(lost, stage: .decode)
    let again = window.grant(now: 1)
    #expect(first.contains { $0.route.decode == lost } && again.allSatisfy { $0.route.decode != lost })
  }
}
