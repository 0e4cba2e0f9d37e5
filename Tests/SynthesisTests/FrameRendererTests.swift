import Synthesis
import Testing

@Suite struct FrameRendererTests {
  private static func bytes(_ frame: PlanarFrame) -> [UInt8] {
    Array(frame.y) + Array(frame.u) + Array(frame.v)
  }

  private static let label = LabelVocabulary.labels(1)[0]

  @Test func aFrameDependsOnItsIndexAlone() {
    let scene = Scene(seed: 3, index: 4, seconds: 2...2, width: 340, height: 256)
    let frame = PlanarFrame(width: 340, height: 256)
    let forwards = FrameRenderer(scene: scene, label: Self.label)
    let first = (0..<10).map { index in
      forwards.render(frame: index, into: frame)
      return Self.bytes(frame)
    }
    let backwards = FrameRenderer(scene: scene, label: Self.label)
    for index in (0..<10).reversed() {
      backwards.render(frame: index, into: frame)
      #expect(Self.bytes(frame) == first[index])
    }
    #expect(first[0] != first[1])
  }

  @Test func seedAndIndexChangeThePicture() {
    let frame = PlanarFrame(width: 340, height: 256)
    let pictures = [(3, 4), (3, 5), (4, 4)].map { seed, index in
      let scene = Scene(seed: UInt64(seed), index: index, seconds: 2...2, width: 340, height: 256)
      FrameRenderer(scene: scene, label: Self.label).render(frame: 0, into: frame)
      return Self.bytes(frame)
    }
    #expect(Set(pictures).count == 3)
  }

  @Test(arguments: [(32, 32), (64, 48), (340, 256), (1024, 640)])
  func everySizeStaysInTheLimitedRange(width: Int, height: Int) {
    let frame = PlanarFrame(width: width, height: height)
    for (index, label) in LabelVocabulary.labels(32).enumerated() {
      let scene = Scene(seed: 1, index: index, seconds: 1...1, width: width, height: height)
      FrameRenderer(scene: scene, label: label).render(frame: index % scene.frameCount, into: frame)
      #expect(frame.y.allSatisfy { (16...235).contains($0) })
      #expect(frame.u.allSatisfy { (16...240).contains($0) } && frame.v.allSatisfy { (16...240).contains($0) })
    }
  }

  @Test func theObjectFillsAQuarterToHalfOfTheHeight() {
    let verb = Verb(pair: .brightness, isReversed: false)
    for index in 0..<20 {
      let scene = Scene(seed: 8, index: index, seconds: 2...2, width: 340, height: 256)
      let renderer = FrameRenderer(scene: scene, label: ActionLabel(verb: verb, noun: .ball))
      let frame = PlanarFrame(width: 340, height: 256)
      let heights = scene.actionFrames.map { action in
        renderer.render(frame: action, into: frame)
        return Observation(frame).extentY / 128
      }
      #expect((0.25...0.5).contains(heights.max() ?? 0))
    }
  }

  @Test func aLongVideoShowsItsActionInPartOnly() {
    var away = 0
    for index in 0..<10 {
      let scene = Scene(seed: 2, index: index, seconds: 20...30, width: 340, height: 256)
      #expect(Double(scene.actionFrames.count) < 0.7 * Double(scene.frameCount))
      #expect(Double(scene.actionFrames.count) >= 2.9 * scene.framesPerSecond.value)
      guard scene.isAwayAtRest else { continue }
      away += 1
      let verb = Verb(pair: .elevation, isReversed: false)
      let renderer = FrameRenderer(scene: scene, label: ActionLabel(verb: verb, noun: .ball))
      let frame = PlanarFrame(width: 340, height: 256)
      renderer.render(frame: scene.actionFrames.lowerBound, into: frame)
      #expect(Observation(frame).area > 500)
      let outside = scene.actionFrames.lowerBound > 10 ? 0 : scene.frameCount - 1
      renderer.render(frame: outside, into: frame)
      #expect(Observation(frame).area == 0)
    }
    #expect(away > 0)
  }

  /// The noun is seen in single frames: the mean colour of the middle tells most nouns apart by nearest centroid.
  @Test func nounsAreToldApartByColour() {
    let verb = Verb(pair: .elevation, isReversed: false)
    let frame = PlanarFrame(width: 340, height: 256)
    func describe(_ noun: Noun, _ index: Int) -> SIMD3<Float> {
      let scene = Scene(seed: 21, index: index, seconds: 2...2, width: 340, height: 256)
      let renderer = FrameRenderer(scene: scene, label: ActionLabel(verb: verb, noun: noun))
      renderer.render(frame: scene.actionFrames.lowerBound, into: frame)
      var strongest = SIMD3<Float>()
      var most: Float = -1
      for place in frame.u.indices {
        let (u, v) = (Float(frame.u[place]) - 128, Float(frame.v[place]) - 128)
        if u * u + v * v > most {
          most = u * u + v * v
          let (x, y) = (place % 170 * 2, place / 170 * 2)
          strongest = [u, v, Float(frame.y[y * 340 + x]) / 2]
        }
      }
      return strongest
    }
    let nouns: [Noun] = [.ball, .kite, .tent, .leaf, .heart, .ring, .flower]
    let centroids = nouns.map { noun in
      (0..<6).reduce(SIMD3<Float>()) { $0 + describe(noun, $1) / 6 }
    }
    var correct = 0
    for (place, noun) in nouns.enumerated() {
      for index in 6..<14 {
        let seen = describe(noun, index)
        let distances = centroids.map { (($0 - seen) * ($0 - seen)).sum() }
        if distances.firstIndex(of: distances.min()!) == place { correct += 1 }
      }
    }
    #expect(Double(correct) / Double(8 * nouns.count) > 0.85)
  }
}
