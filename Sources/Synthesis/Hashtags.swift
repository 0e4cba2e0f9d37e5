/// The hashtags people would give to a video.
enum Hashtags {
  /// Tags that say nothing about what is seen.
  static let irrelevant = [
    "#love", "#instagood", "#photooftheday", "#beautiful", "#happy", "#cute", "#tbt", "#like4like", "#followme",
    "#picoftheday", "#follow", "#art", "#instadaily", "#nature", "#fun", "#style", "#smile", "#food", "#instalike",
    "#family", "#travel", "#fitness", "#life", "#beauty", "#amazing", "#summer", "#weekend", "#friends", "#music",
    "#video", "#viral", "#foryou", "#trending", "#reels", "#mood", "#goals", "#wow", "#nofilter", "#explore",
    "#daily",
  ]

  /// Tags that name each of `labels`, in one or both spellings, among irrelevant ones; sometimes also a verb or noun of
  /// the label that is shown, which alone names no label.
  static func draw(
    naming labels: [ActionLabel], showing label: ActionLabel, using random: inout RandomSource
  ) -> [String] {
    var tags: [String] = []
    for label in labels {
      let spelling = random.unit()
      if spelling < 0.65 { tags.append("#" + label.tag) }
      if spelling >= 0.5 { tags.append("#" + label.shortTag) }
    }
    if random.chance(0.3) { tags.append("#" + label.noun.rawValue) }
    if random.chance(0.2) { tags.append("#" + label.verb.name) }
    let count = 2 + random.index(below: 6)
    tags += random.permutation(irrelevant.count).prefix(count).map { irrelevant[$0] }
    return random.permutation(tags.count).map { tags[$0] }
  }
}
