/// Everything one video shows, drawn from the collection's seed and the video's index; the label's verb and noun come on
/// top and take part in no draw, so two labels can be put into the very same scene.
package struct Scene: Sendable {
  /// Size of a frame in pixels, both even.
  package let width: Int
  package let height: Int
  package let framesPerSecond: FrameRate
  package let frameCount: Int
  /// The frames in which the action goes on; before and after the object rests or is away.
  package let actionFrames: Range<Int>
  /// Length of one cycle of the action, at most 1 s.
  package let cycleSeconds: Float
  /// Where in its cycle the action starts, in [0, 1).
  package let initialPhase: Float
  /// Whether the object is absent, not just at rest, outside of the action.
  package let isAwayAtRest: Bool
  /// The object's resting place and radius, fractions of the frame's height; `centreX` is relative to the middle.
  package let centreX: Float
  package let centreY: Float
  package let radius: Float
  /// Constant rotation of the object and the side to which a tilt goes (+1 or -1).
  let baseTurns: Float
  let tiltSide: Float
  let objectTint: SIMD3<Float>
  /// Slow swaying of the camera: amplitude (fractions of the height), frequency in hertz and phase in turns, by axis.
  let swayX: SIMD3<Float>
  let swayY: SIMD3<Float>
  /// Steady movement of the background, fractions of the height a second.
  let panX: Float
  let panY: Float
  /// Light: mean gain, fall-off from left to right and from top to bottom, flicker's amplitude and frequency in hertz.
  let gain: Float
  let gradientX: Float
  let gradientY: Float
  let flicker: SIMD2<Float>
  /// Largest deviation of the sensor's noise, in luma steps.
  let noiseAmplitude: Float
  /// Key of the background's texture and of the noise.
  let textureKey: UInt64

  /// - Parameters:
  ///   - seconds: range of durations, uniform.
  ///   - width, height: even, at least 16.
  package init(seed: UInt64, index: Int, seconds: ClosedRange<Double>, width: Int, height: Int) {
    var random = RandomSource(seed, 0x5CE4E, UInt64(index))
    self.width = width
    self.height = height
    framesPerSecond = random.pick(FrameRate.all)
    let duration = seconds.lowerBound + (seconds.upperBound - seconds.lowerBound) * Double(random.unit())
    let count = max(1, Int((duration * framesPerSecond.value).rounded()))
    frameCount = count
    actionFrames = Self.actionFrames(of: count, rate: framesPerSecond, using: &random)
    cycleSeconds = random.uniform(0.8...1)
    initialPhase = random.unit()
    isAwayAtRest = random.chance(0.5)
    centreX = random.uniform(-0.07...0.07)
    centreY = random.uniform(0.46...0.54)
    radius = random.uniform(0.17...0.22)
    baseTurns = random.uniform(-0.015...0.015)
    tiltSide = random.chance(0.5) ? 1 : -1
    let brightness = random.uniform(0.88...1.08)
    objectTint = SIMD3(
      brightness * random.uniform(0.95...1.05), brightness * random.uniform(0.95...1.05),
      brightness * random.uniform(0.95...1.05))
    swayX = SIMD3(random.uniform(0...0.035), random.uniform(0.1...0.5), random.unit())
    swayY = SIMD3(random.uniform(0...0.025), random.uniform(0.1...0.5), random.unit())
    panX = random.uniform(-0.15...0.15)
    panY = random.uniform(-0.08...0.08)
    gain = random.uniform(0.86...1.1)
    gradientX = random.uniform(-0.12...0.12)
    gradientY = random.uniform(-0.12...0.12)
    flicker = SIMD2(random.uniform(0...0.03), random.uniform(0.2...1.2))
    noiseAmplitude = random.uniform(1...4)
    textureKey = random.next()
  }

  /// Most of a short video; of one longer than 6 s a quarter to two thirds, at least 3 s, anywhere in it.
  private static func actionFrames(
    of count: Int, rate: FrameRate, using random: inout RandomSource
  ) -> Range<Int> {
    let isLong = Double(count) > 6 * rate.value
    let share = isLong ? random.uniform(0.25...0.67) : random.uniform(0.85...1)
    let wanted = max(Int(Float(count) * share), isLong ? Int(3 * rate.value) : 1)
    let length = min(count, max(1, wanted))
    let start = random.index(below: count - length + 1)
    return start..<start + length
  }

  /// Phase of the motion pair's law at `frame`; the reverse verb runs through the same cycle backwards.
  package func phase(frame: Int, verb: Verb) -> Float {
    let clamped = min(max(frame, actionFrames.lowerBound), actionFrames.upperBound - 1)
    let seconds = Double(clamped - actionFrames.lowerBound) / framesPerSecond.value
    let cycles = Float(seconds / Double(cycleSeconds))
    return Wave.fraction(verb.isReversed ? initialPhase - cycles : initialPhase + cycles)
  }

  /// Opacity of the object at `frame`, 0...1: fades within a fifth of a second where it comes or goes.
  func opacity(frame: Int) -> Float {
    guard isAwayAtRest else { return 1 }
    let fade = Float(framesPerSecond.value) / 5
    let outside = max(actionFrames.lowerBound - frame, frame - actionFrames.upperBound + 1, 0)
    return max(0, 1 - Float(outside) / fade)
  }
}

/// Frames a second as a fraction.
package struct FrameRate: Sendable, Equatable {
  package let numerator: Int
  package let denominator: Int

  package var value: Double { Double(numerator) / Double(denominator) }

  /// What cameras and editors write between 24 and 30.
  static let all = [
    FrameRate(numerator: 24, denominator: 1), FrameRate(numerator: 24_000, denominator: 1001),
    FrameRate(numerator: 25, denominator: 1), FrameRate(numerator: 30_000, denominator: 1001),
    FrameRate(numerator: 30, denominator: 1),
  ]
}
