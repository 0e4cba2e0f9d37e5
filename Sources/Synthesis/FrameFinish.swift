/// What the camera adds to a frame's luma: the light's fall-off and flicker, and the sensor's noise.
struct FrameFinish: Sendable {
  private static let noiseCount = 1 << 16

  private let scene: Scene
  /// Gains by column, in 1/128, without the row's share.
  private let columnGains: [UInt16]
  /// Noise values, `noiseCount` of them and enough more to read a row from any start.
  private let noise: [Int8]

  init(scene: Scene) {
    self.scene = scene
    columnGains = (0..<scene.width).map { x in
      UInt16(64 * (1 + scene.gradientX * (2 * Float(x) / Float(scene.width) - 1)))
    }
    var random = RandomSource(scene.textureKey, 0x7015E)
    let amplitude = scene.noiseAmplitude / 2
    // The sum of two uniform values: triangular, a fair stand-in for a sensor's noise.
    var values = (0..<Self.noiseCount).map { _ in
      Int8((random.uniform(-amplitude...amplitude) + random.uniform(-amplitude...amplitude)).rounded())
    }
    values += (0..<scene.width).map { values[$0 % Self.noiseCount] }
    noise = values
  }

  /// Applies light and noise of frame `index`, shown at `seconds`.
  func apply(to frame: PlanarFrame, index: Int, seconds: Float) {
    let flicker = scene.flicker.x * Wave.sine(turns: scene.flicker.y * seconds)
    let gain = scene.gain * (1 + flicker)
    var random = RandomSource(scene.textureKey, 0xF1A4E, UInt64(index))
    let width = frame.width
    columnGains.withUnsafeBufferPointer { columnGains in
      noise.withUnsafeBufferPointer { noise in
        for row in 0..<frame.height {
          let slope = scene.gradientY * (2 * Float(row) / Float(frame.height) - 1)
          // Column gains hold half of the unit gain; the row's share carries the rest and the global gain.
          let rowGain = UInt16(max(0, 128 * gain * (1 + slope) - 64))
          let grains = noise.baseAddress! + Int(random.next() & UInt64(Self.noiseCount - 1))
          let line = frame.y.baseAddress! + row * width
          let gains = columnGains.baseAddress!
          for x in 0..<width {
            // At most 235 · 255 < 2^16: gains stay below two.
            let lit = Int16(truncatingIfNeeded: (UInt16(line[x]) &* (gains[x] &+ rowGain)) >> 7)
            line[x] = UInt8(truncatingIfNeeded: min(235, max(16, lit &+ Int16(grains[x]))))
          }
        }
      }
    }
  }
}
