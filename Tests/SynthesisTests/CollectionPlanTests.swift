import Synthesis
import Testing

@Suite struct CollectionPlanTests {
  private static func options(_ change: (inout SynthesisOptions) -> Void = { _ in }) -> SynthesisOptions {
    var options = SynthesisOptions()
    change(&options)
    return options
  }

  @Test func zipfCountsFallAndAddUp() {
    let counts = CollectionPlan.zipfCounts(total: 500, labels: 12, exponent: 1)
    #expect(counts.reduce(0, +) == 500)
    #expect(counts == counts.sorted(by: >))
    #expect(counts.allSatisfy { $0 >= 1 })
    // Second and fourth place have a half and a quarter of the first's.
    #expect(abs(Double(counts[1]) / Double(counts[0]) - 0.5) < 0.05)
    #expect(abs(Double(counts[3]) / Double(counts[0]) - 0.25) < 0.05)
    #expect(Set(CollectionPlan.zipfCounts(total: 120, labels: 12, exponent: 0)) == [10])
  }

  @Test func everyLabelHasTheSameNumberOfHeldOutVideos() throws {
    let plan = try CollectionPlan(
      Self.options {
        $0.videos = 400
        $0.validationPerLabel = 13
        $0.testPerLabel = 3
      })
    #expect(plan.videos.count == 400)
    var frequencies: Set<Int> = []
    for label in plan.labels {
      let own = plan.videos.filter { $0.label == label }
      #expect(own.count { $0.split == .validation } == 13)
      #expect(own.count { $0.split == .test } == 3)
      frequencies.insert(own.count { $0.split == .train })
    }
    #expect(frequencies.count > 6)
    #expect(Set(plan.videos.map(\.file)).count == 400)
  }

  @Test func noiseHasItsShares() throws {
    let plan = try CollectionPlan(
      Self.options {
        $0.videos = 600
        $0.validationPerLabel = 0
        $0.wrongTagShare = 0.1
        $0.missingTagShare = 0.05
        $0.extraTagShare = 0.2
      })
    #expect(plan.videos.count { $0.noise == .wrong } == 60)
    #expect(plan.videos.count { $0.noise == .missing } == 30)
    #expect(plan.videos.count { $0.noise == .extra } == 120)
  }

  @Test func hashtagsNameWhatTheNoiseSays() throws {
    let plan = try CollectionPlan(Self.options { $0.setNoise(0.5) })
    for video in plan.videos {
      let named = plan.labels.filter {
        video.hashtags.contains("#" + $0.tag) || video.hashtags.contains("#" + $0.shortTag)
      }
      switch video.noise {
      case .none: #expect(named == [video.label])
      case .missing: #expect(named.isEmpty)
      case .wrong:
        #expect(named.count == 1 && named.first == video.noiseLabel)
        #expect(named != [video.label])
      case .extra:
        #expect(named.count == 2 && named.contains(video.label))
        #expect(video.noiseLabel.map(named.contains) == true)
      }
      #expect(video.hashtags.count > named.count)
      #expect(video.hashtags.allSatisfy { $0.hasPrefix("#") && $0 == $0.lowercased() })
    }
  }

  @Test func withoutNoiseEveryVideoIsTaggedRight() throws {
    let plan = try CollectionPlan(Self.options { $0.setNoise(0) })
    #expect(plan.videos.allSatisfy { $0.noise == .none })
  }

  @Test func aSingleLabelHasNoOtherToBeTakenFor() throws {
    let plan = try CollectionPlan(
      Self.options {
        $0.labels = 1
        $0.setNoise(1)
      })
    #expect(plan.videos.allSatisfy { $0.noise == .none || $0.noise == .missing })
  }

  @Test func seedsGiveOtherCollectionsOfTheSameLabels() throws {
    let one = try CollectionPlan(Self.options())
    let again = try CollectionPlan(Self.options { $0.workers = 9 })
    let two = try CollectionPlan(Self.options { $0.seed = 2 })
    #expect(one.videos.map(\.hashtags) == again.videos.map(\.hashtags))
    #expect(one.videos.map(\.hashtags) != two.videos.map(\.hashtags))
    #expect(one.labels == two.labels)
  }

  @Test func someVideosShowTwoLabels() throws {
    let plan = try CollectionPlan(Self.options { $0.multiLabelShare = 0.5 })
    let two = plan.videos.filter { $0.second != nil }
    #expect((plan.videos.count / 3...plan.videos.count * 2 / 3).contains(two.count))
    for video in two {
      #expect(video.shown.count == 2 && video.second != video.label && video.second != video.noiseLabel)
      let isNamed = video.second.map {
        video.hashtags.contains("#" + $0.tag) || video.hashtags.contains("#" + $0.shortTag)
      }
      #expect(isNamed == (video.noise == .none || video.noise == .extra))
    }
    // Without such videos nothing is drawn otherwise.
    let one = try CollectionPlan(Self.options())
    #expect(one.videos.allSatisfy { $0.second == nil && $0.shown == [$0.label] })
    #expect(zip(one.videos, plan.videos).allSatisfy { $0.label == $1.label && $0.noise == $1.noise })
  }

  @Test func collectionsMayHaveLabelsInCommonOrNone() throws {
    let first = try CollectionPlan(Self.options { $0.labels = 6 }).labels.map(\.phrase)
    let next = try CollectionPlan(Self.options { ($0.labels, $0.firstLabel) = (6, 6) }).labels.map(\.phrase)
    let across = try CollectionPlan(Self.options { ($0.labels, $0.firstLabel) = (6, 4) }).labels.map(\.phrase)
    #expect(Set(first).isDisjoint(with: next) && next.count == 6)
    #expect(Set(first).intersection(across) == Set(first[4...]))
  }

  @Test func optionsOutOfRangeAreNamed() {
    let changes: [(name: String, change: (inout SynthesisOptions) -> Void)] = [
      ("videos", { $0.videos = 0 }), ("labels", { $0.labels = 0 }), ("labels", { $0.labels = 100_000 }),
      ("seconds", { $0.secondsRange = 0...1 }), ("seconds", { $0.secondsRange = 1...Double.infinity }),
      ("width", { $0.width = 341 }), ("height", { $0.height = 1 << 40 }),
      ("validation", { $0.validationPerLabel = -1 }), ("validation", { $0.validationPerLabel = Int.max }),
      ("test", { $0.testPerLabel = 301 }), ("wrong", { $0.wrongTagShare = .nan }), ("sum", { $0.setNoise(2) }),
      ("Zipf", { $0.zipfExponent = -1 }), ("first", { $0.firstLabel = 1 << 40 }),
      ("two labels", { $0.multiLabelShare = 2 }), ("copies", { $0.copies = 3 }), ("copies", { $0.copiesOf = "x" }),
      ("training", { $0.validationPerLabel = 25 }),
    ]
    for (name, change) in changes {
      let error = #expect(throws: SynthesisError.self) { try CollectionPlan(Self.options(change)) }
      #expect(error?.code == .invalidOption)
      #expect(error?.message.contains(name) == true, "\(name)")
    }
  }
}
