import Corpus
import Testing

/// Labels of Kinetics; how many hashtags each has; some of them. Counts and stems were made by another program with the
/// Porter stemmer of Debian's libstemmer.
private let table: [(label: String, count: Int, some: [String])] = [
  ("abseiling", 2, ["abseiling", "abseil"]),
  ("air drumming", 4, ["airdrumming", "airdrum", "drumair"]),
  ("answering questions", 8, ["answeringquestions", "answerquestion", "questionanswer"]),
  ("applauding", 2, ["applauding", "applaud"]),
  ("archery", 2, ["archery", "archeri"]),
  ("arm wrestling", 4, ["armwrestling", "armwrestl", "wrestlarm"]),
  ("baking cookies", 8, ["bakingcookies", "bakecooki", "cookibake"]),
  ("bending metal", 4, ["bendingmetal", "bendmetal", "metalbend"]),
  ("blowing out candles", 24, ["blowingoutcandles", "blowoutcandl", "candloutblow"]),
  ("brushing teeth", 4, ["brushingteeth", "brushteeth", "teethbrush"]),
  ("building cabinet", 4, ["buildingcabinet", "buildcabinet", "cabinetbuild"]),
  ("canoeing or kayaking", 32, ["canoeingorkayaking", "canokayak", "kayakcano"]),
  ("catching or throwing baseball", 240, ["catchingorthrowingbaseball", "catchthrowbasebal", "basebalthrowcatch"]),
  ("catching a fish", 16, ["catchingafish", "catchfish", "fishcatch"]),
  ("catching fish", 4, ["catchingfish", "catchfish", "fishcatch"]),
  ("changing oil", 4, ["changingoil", "changoil", "oilchang"]),
  ("cleaning gutters", 8, ["cleaninggutters", "cleangutter", "gutterclean"]),
  ("clean and jerk", 8, ["cleanandjerk", "cleanjerk", "jerkclean"]),
  ("crossing river", 4, ["crossingriver", "crossriver", "rivercross"]),
  ("curling hair", 4, ["curlinghair", "curlhair", "haircurl"]),
  ("dancing ballet", 4, ["dancingballet", "dancballet", "balletdanc"]),
  ("driving car", 4, ["drivingcar", "drivecar", "cardrive"]),
  ("eating ice cream", 24, ["eatingicecream", "eaticcream", "creamiceat"]),
  (
    "exercising with an exercise ball", 441,
    ["exercisingwithanexerciseball", "exercisexercisball", "ballexercisexercis"]
  ),
  ("feeding goats", 8, ["feedinggoats", "feedgoat", "goatfeed"]),
  ("filling eyebrows", 8, ["fillingeyebrows", "filleyebrow", "eyebrowfill"]),
  ("getting a tattoo", 16, ["gettingatattoo", "gettattoo", "tattooget"]),
  ("high jump", 2, ["highjump", "jumphigh"]),
  ("hula hooping", 4, ["hulahooping", "hulahoop", "hoophula"]),
  ("ice climbing", 8, ["iceclimbing", "icclimb", "climbic"]),
  ("jumping into pool", 16, ["jumpingintopool", "jumppool", "pooljump"]),
  ("javelin throw", 2, ["javelinthrow", "throwjavelin"]),
  ("krumping", 2, ["krumping", "krump"]),
  ("making a sandwich", 16, ["makingasandwich", "makesandwich", "sandwichmake"]),
  ("mopping floor", 4, ["moppingfloor", "mopfloor", "floormop"]),
  ("opening bottle", 8, ["openingbottle", "openbottl", "bottlopen"]),
  (
    "passing American football (in game)", 576,
    ["passingamericanfootballingame", "passamericanfootbalgame", "gamefootbalamericanpass"]
  ),
  ("petting animal (not cat)", 96, ["pettinganimalnotcat", "petanimnotcat", "catnotanimpet"]),
  ("playing the didgeridoo", 16, ["playingthedidgeridoo", "plaididgeridoo", "didgeridooplai"]),
  ("push-up", 2, ["pushup", "uppush"]),
  ("reading book", 4, ["readingbook", "readbook", "bookread"]),
  ("riding or walking with horse", 1008, ["ridingorwalkingwithhorse", "ridewalkhors", "horswalkride"]),
  ("shaking hands", 8, ["shakinghands", "shakehand", "handshake"]),
  (
    "skiing (not slalom or crosscountry)", 576,
    ["skiingnotslalomorcrosscountry", "skinotslalomcrosscountri", "crosscountrislalomnotski"]
  ),
  ("tai chi", 2, ["taichi", "chitai"]),
  ("tying knot (not on a tie)", 1488, ["tyingknotnotonatie", "tyknotnottie", "tienotknotty"]),
  ("unboxing", 2, ["unboxing", "unbox"]),
  ("water skiing", 4, ["waterskiing", "waterski", "skiwater"]),
  ("welding", 2, ["welding", "weld"]),
  ("Zumba", 1, ["zumba"]),
]

@Suite struct HashtagTests {
  @Test(arguments: table)
  func everyFormAndOrderOfALabelIsATag(label: String, count: Int, some: [String]) {
    let tags = LabelPhrase(label).hashtags
    #expect(tags.count == count)
    #expect(tags.isSuperset(of: some))
    #expect(tags.allSatisfy { Hashtag.normalized($0) == $0 })
  }

  @Test func theExamplesOfThePaperComeOut() {
    #expect(
      LabelPhrase("catching a fish").hashtags.sorted() == [
        "acatchfish", "acatchingfish", "afishcatch", "afishcatching", "catchafish", "catchfish", "catchfisha",
        "catchingafish", "catchingfish", "catchingfisha", "fishacatch", "fishacatching", "fishcatch", "fishcatcha",
        "fishcatching", "fishcatchinga",
      ])
  }

  @Test(arguments: [
    ("#Catching_A-Fish!", "catchingafish"), ("Café", "cafe"), ("CAFE\u{301}", "cafe"), ("naïve Łódź", "naivełodz"),
    ("Straße", "strasse"), ("STRASSE", "strasse"), ("ΣΊΣΥΦΟΣ", "σισυφοσ"), ("σίσυφος", "σισυφοσ"), ("ｆｕｌｌ１", "full1"),
    ("ﬁsh", "fish"), ("ℌ½", "h12"), ("İstanbul", "istanbul"), ("fish🐟ing❤️", "fishing"), ("1️⃣st", "st"), ("👍🏽up", "up"),
    ("🇩🇪surf", "surf"), ("釣り", "釣り"), ("ﾊﾞｽ", "バス"), ("मछली", "मछली"), ("нырять", "нырять"), ("😀", ""), ("…", ""), ("", ""),
    // A variation selector behind what is no picture takes nothing along.
    ("surf\u{FE0F}", "surf"), ("1\u{FE0F}st", "1st"), ("é\u{FE0F}té", "ete"), ("ℹ\u{FE0F}nfo", "nfo"),
    ("surf☀\u{FE0F}", "surf"),
  ])
  func tagsAreComparedInOneSpelling(text: String, normalized: String) {
    #expect(Hashtag.normalized(text) == normalized)
    #expect(Hashtag.normalized(normalized) == normalized)
  }

  @Test func longPhrasesHaveTheOrderAsWritten() {
    let tags = LabelPhrase("moving something across a surface until it falls down here").hashtags
    #expect(tags.contains("movingsomethingacrossasurfaceuntilitfallsdownhere"))
    #expect(tags.contains("movesomethacrosssurfacuntilitfalldownhere"))
    #expect(!tags.contains("somethingmovingacrossasurfaceuntilitfallsdownhere"))
    let longest = LabelPhrase((0..<30).map { "w\($0)ing fishing" }.joined(separator: " ")).hashtags
    #expect(longest.count == 2)
  }

  @Test func tagsOfSeveralLabelsAreNamed() {
    let list = LabelList(["fishing", "catching a fish", "fish", "Fishing!", "surfing"].map { Label($0) })
    let found = list.collisions
    #expect(found.map(\.tag) == ["fish", "fishing"])
    #expect(found.map(\.labels) == [["fishing", "fish", "Fishing!"], ["fishing", "Fishing!"]])
  }
}
