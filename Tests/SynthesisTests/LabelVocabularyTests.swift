import Synthesis
import Testing

@Suite struct LabelVocabularyTests {
  @Test func hasTwelveVerbsAndNounsOrMore() {
    #expect(MotionPair.allCases.count * 2 >= 12)
    #expect(Noun.allCases.count >= 12)
  }

  @Test func labelsNestAndNeverRepeat() {
    let all = LabelVocabulary.labels(LabelVocabulary.maximumCount)
    #expect(Set(all.map(\.phrase)).count == LabelVocabulary.maximumCount)
    #expect(Array(all.prefix(12)) == LabelVocabulary.labels(12))
  }

  @Test func twelveLabelsAreSixCouplesOfDifferentNouns() {
    let labels = LabelVocabulary.labels(12)
    for couple in 0..<6 {
      #expect(labels[2 * couple].partner == labels[2 * couple + 1])
      #expect(labels[2 * couple].noun == labels[2 * couple + 1].noun)
    }
    #expect(Set(labels.map(\.noun)).count == 6)
    #expect(Set(labels.map(\.verb.pair)).count == 6)
  }

  @Test func noTagNamesTwoLabels() {
    let all = LabelVocabulary.labels(LabelVocabulary.maximumCount)
    #expect(Set(all.flatMap { [$0.tag, $0.shortTag] }).count == 2 * all.count)
  }

  @Test func partnerByPhrase() {
    #expect(LabelVocabulary.partner(ofPhrase: "raising a ball") == "lowering a ball")
    #expect(LabelVocabulary.partner(ofPhrase: "dimming an umbrella") == "brightening an umbrella")
    #expect(LabelVocabulary.partner(ofPhrase: "raising an ball") == nil)
    #expect(LabelVocabulary.partner(ofPhrase: "playing chess") == nil)
  }
}
