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
    let plan = try Plan(topology: Topology.parse(yaml, file: "t", overrides: []), counts: [1, 0, 1, 0, 0, 1])
    #expect(plan.trainingItem(TestMessages.key(), video: video).labels == [2, 0, 5])
    #expect(plan.evaluationItem(TestMessages.key(.evaluation), video: video, clips: 3).labels == [2, 0, 5])
  }

  @Test func theLossChangesNoDraw() throws {
    let plans = try ["softmax", "sigmoid"].map {
      try Plan(topology: Topology.parse(yaml, file: "t", overrides: ["train.loss=\($0)"]), counts: [4, 5, 6])
    }
    for slot in 0..<3 {
      let key = TestMessages.key(slot: slot)
      #expect(plans[0].draw(key) == plans[1].draw(key))
      #expect(plans[0].trainingItem(key, video: video) == plans[1].trainingItem(key, video: video))
    }
  }
}
