/// Renders the frames of one video: a pure function of scene, label and frame index.
///
/// Frames may be asked for in any order; one thread uses a renderer.
package final class FrameRenderer {
  private let scene: Scene
  private let label: ActionLabel
  private let background: BackgroundTexture
  private let sprite: Sprite
  private let plate: Sprite
  private let finish: FrameFinish

  package init(scene: Scene, label: ActionLabel) {
    self.scene = scene
    self.label = label
    background = BackgroundTexture(key: scene.textureKey, width: scene.width)
    sprite = Sprite(noun: label.noun, tint: scene.objectTint)
    plate = Sprite(plateWithTint: scene.objectTint)
    finish = FrameFinish(scene: scene)
  }

  /// Renders frame `index` (0..<`scene.frameCount`) into `frame`, which has the scene's size.
  package func render(frame index: Int, into frame: PlanarFrame) {
    let seconds = Float(Double(index) / scene.framesPerSecond.value)
    // The camera's sway moves everything; the pan moves the background behind the object.
    let swayX = scene.swayX.x * Wave.sine(turns: scene.swayX.y * seconds + scene.swayX.z)
    let swayY = scene.swayY.x * Wave.sine(turns: scene.swayY.y * seconds + scene.swayY.z)
    let height = Float(scene.height)
    background.draw(
      into: frame, offsetX: (scene.panX * seconds - swayX) * height, offsetY: (scene.panY * seconds - swayY) * height)
    let opacity = scene.opacity(frame: index)
    if opacity > 0 {
      let pose = label.verb.pair.pose(phase: scene.phase(frame: index, verb: label.verb))
      for part in parts(of: pose, swayX: swayX, swayY: swayY) {
        part.draw(part.isPlate ? plate : sprite, opacity: opacity, into: frame)
      }
    }
    finish.apply(to: frame, index: index, seconds: seconds)
  }

  /// The pictures that make up the object in `pose`, back to front.
  private func parts(of pose: Pose, swayX: Float, swayY: Float) -> [SpritePart] {
    let height = Float(scene.height)
    var body = SpritePart()
    body.centreX = Float(scene.width) / 2 + (scene.centreX + swayX) * height
    body.centreY = (scene.centreY + swayY + pose.verticalOffset) * height
    body.radiusX = scene.radius * pose.scaleX * height
    body.radiusY = scene.radius * pose.scaleY * height
    body.turns = scene.baseTurns + scene.tiltSide * pose.tiltTurns
    body.brightness = pose.brightness
    if pose.separation > 0 {
      return [-1, 1].map { side in
        var copy = body
        copy.centreX += Float(side) * pose.separation * height
        return copy
      }
    }
    if pose.gap > 0 {
      var upper = body
      upper.rows = 0..<Sprite.side / 2
      upper.centreY -= pose.gap / 2 * height
      var lower = body
      lower.rows = Sprite.side / 2..<Sprite.side
      lower.centreY += pose.gap / 2 * height
      return [upper, lower]
    }
    if pose.cover > 0 {
      var cover = body
      cover.isPlate = true
      cover.turns = 0
      cover.radiusX *= 1.1
      cover.radiusY *= pose.cover
      cover.centreY += body.radiusY - cover.radiusY
      return [body, cover]
    }
    return [body]
  }
}

extension BackgroundTexture {
  /// Fills `frame` with the texture moved by the given offsets in luma samples: bilinear luma, nearest chroma.
  func draw(into frame: PlanarFrame, offsetX: Float, offsetY: Float) {
    // Offsets in sixteenths of a sample; the weights of the four neighbours sum to 256.
    let fixedX = Int((offsetX * 16).rounded(.down))
    let fixedY = Int((offsetY * 16).rounded(.down))
    let mask = Self.side - 1
    let startX = (fixedX >> 4) & mask
    let startY = (fixedY >> 4) & mask
    let fx = UInt16(fixedX & 15)
    let fy = UInt16(fixedY & 15)
    let (w00, w01, w10, w11) = ((16 - fx) * (16 - fy), fx * (16 - fy), (16 - fx) * fy, fx * fy)
    let width = frame.width
    luma.withUnsafeBufferPointer { luma in
      for row in 0..<frame.height {
        let top = luma.baseAddress! + ((startY + row) & mask) * stride + startX
        let bottom = luma.baseAddress! + ((startY + row + 1) & mask) * stride + startX
        let out = frame.y.baseAddress! + row * width
        for x in 0..<width {
          let upper = UInt16(top[x]) &* w00 &+ UInt16(top[x &+ 1]) &* w01
          let lower = UInt16(bottom[x]) &* w10 &+ UInt16(bottom[x &+ 1]) &* w11
          out[x] = UInt8(truncatingIfNeeded: (upper &+ lower) >> 8)
        }
      }
    }
    copyChroma(u, to: frame.u, frame: frame, startX: startX / 2, startY: startY / 2)
    copyChroma(v, to: frame.v, frame: frame, startX: startX / 2, startY: startY / 2)
  }

  private func copyChroma(
    _ plane: [UInt8], to out: UnsafeMutableBufferPointer<UInt8>, frame: PlanarFrame, startX: Int, startY: Int
  ) {
    let mask = Self.side / 2 - 1
    let width = frame.width / 2
    plane.withUnsafeBufferPointer { plane in
      for row in 0..<frame.height / 2 {
        (out.baseAddress! + row * width).update(
          from: plane.baseAddress! + ((startY + row) & mask) * (stride / 2) + startX, count: width)
      }
    }
  }
}
