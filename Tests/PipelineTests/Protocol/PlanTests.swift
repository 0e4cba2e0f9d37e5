import Corpus
import Pipeline
import Testing
import Topology

/// What the plan says of a clip.
@Suite struct PlanTests {
  private let yaml = """
    name: plan
    corpus: nowhere
    hosts:
      here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1}
    clip: {frames: 8, slack: 2, resize: [40, 54], crop: 32}
    train: {network: r2plus1d-10, replicas: 2, batch: 3, steps: 5, learning_rate: 0.1}
    """

  private let video = VideoRecord(
    id: 0, file: "a.mp4", path: "/a.mp4", label: 2, labels: [0, 2, 5], frameCount: 90, framesPerSecond: 25,
    byteCount: 10, startFrame: 0, endFrame: 90)

  @Test func aClipHasAllLabelsOfItsVideoTheDrawnOneFirst() throws {
    let plan = try Plan(
      topology: Topology.parse(yaml, file: "t", overrides: []), counts: [1, 0, 1, 0, 0, 1], labels: labels)
    #expect(plan.trainingItem(TestMessages.key(), video: video).labels == [2, 0, 5])
    #expect(plan.evaluationItem(TestMessages.key(.evaluation), video: video, clips: 3).labels == [2, 0, 5])
  }

  @Test func theLossChangesNoDraw() throws {
    let plans = try ["softmax", "sigmoid"].map {
      try makePlan(["train.loss=\($0)"])
    }
    for slot in 0..<3 {
      let key = TestMessages.key(slot: slot)
      #expect(plans[0].draw(key) == plans[1].draw(key))
      #expect(plans[0].trainingItem(key, video: video) == plans[1].trainingItem(key, video: video))
    }
  }

  private let labels = ["a", "b", "c", "d", "e", "f"]

  private func makePlan(_ overrides: [String] = []) throws -> Plan {
    try Plan(
      topology: Topology.parse(yaml, file: "t", overrides: overrides), counts: [4, 5, 6, 0, 0, 0], labels: labels)
  }

  private func keys(steps: Int) -> [ItemKey] {
    (0..<steps).flatMap { step in
      (0..<6).map { ItemKey(group: GroupKey(kind: .training, step: step, index: $0 / 3), slot: $0 % 3, attempt: 0) }
    }
  }

  @Test func resamplingSpreadsFramesByTheRates() throws {
    let item = try makePlan(["clip.fps=10"]).trainingItem(TestMessages.key(), video: video)
    #expect(item.stride == 2.5)
    #expect(item.frameIndices.map { $0 - item.frameIndices[0] } == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22])
    #expect(try makePlan(["clip.fps=25"]).trainingItem(TestMessages.key(), video: video).stride == 1)
    #expect(try makePlan(["clip.fps=50"]).trainingItem(TestMessages.key(), video: video).stride == 0.5)
    let evaluated = try makePlan(["clip.fps=10"])
      .evaluationItem(TestMessages.key(.evaluation, slot: 2), video: video, clips: 3)
    #expect(evaluated.windowStart == 90 - 18 && evaluated.frameIndices.last == 89)
  }

  @Test func scalesAreDrawnForTrainingAlone() throws {
    let plan = try makePlan(["clip.short_edge=[40, 47]"])
    let edges = keys(steps: 100).map { plan.trainingItem($0, video: video).shortEdge }
    #expect(Set(edges) == Set(40...47))
    #expect(plan.evaluationItem(TestMessages.key(.evaluation), video: video, clips: 3).shortEdge == nil)
    #expect(try makePlan().trainingItem(TestMessages.key(), video: video).shortEdge == nil)
  }

  /// The video's labels are 0, 2 and 5.
  @Test func directionalLabelsAreNotMirrored() throws {
    func mirrored(_ directional: String) throws -> Int {
      let plan = try makePlan(["clip.directional=\(directional)"])
      return keys(steps: 50).count { plan.trainingItem($0, video: video).mirror }
    }
    #expect(try mirrored("[f]") == 0)
    #expect(try (100...200).contains(mirrored("[b, d]")))
    #expect(throws: PipelineError.self) { try makePlan(["clip.directional=[g]"]) }
  }

  @Test func echoesShareAWindow() throws {
    let plan = try makePlan(["clip.echo=3", "clip.short_edge=[40, 47]", "clip.slack=9"])
    let plain = try makePlan()
    for group in 0..<20 {
      let keys = keys(steps: 10)[(group * 3)..<(group * 3 + 3)]
      #expect(Set(keys.map { plan.draw($0).rank }).count == 1 && Set(keys.map { plan.draw($0).label }).count == 1)
      let items = keys.map { plan.trainingItem($0, video: video) }
      #expect(Set(items.map(\.frameIndices)).count == 1 && Set(items.map(\.shortEdge)).count == 1)
      #expect(Set(items.map(\.cropX)).count == 3)
      var again = keys.first!
      again.attempt = 2
      var sibling = keys.last!
      sibling.attempt = 2
      #expect(plan.draw(again).rank == plan.draw(sibling).rank)
    }
    // Three times as many steps see a video as often.
    let videos = keys(steps: 15).prefix(15).map { plain.draw($0) }
    let echoed = keys(steps: 15).prefix(45).enumerated().filter { $0.offset % 3 == 0 }.map { plan.draw($0.element) }
    #expect(videos.map(\.rank) == echoed.map(\.rank) && videos.map(\.label) == echoed.map(\.label))
  }
}
