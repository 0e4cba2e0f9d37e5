/// A motion law and the two verbs that run through it forwards and backwards.
///
/// A pose is a function of the cycle's phase alone. The reverse verb runs the same phases in the opposite order, so
/// with a uniform initial phase the two verbs of a pair have the same distribution of single frames: only the order of
/// frames tells them apart. No law has a side, so mirroring a clip never turns one verb into the other.
package enum MotionPair: Int, CaseIterable, Sendable {
  case elevation
  case size
  case tilt
  case separation
  case opening
  case cover
  case stretch
  case brightness

  /// What the forward verb (phase grows) and the reverse verb (phase falls) are called.
  package var verbs: (forward: String, reverse: String) {
    switch self {
    case .elevation: ("raising", "lowering")
    case .size: ("inflating", "deflating")
    case .tilt: ("tipping", "righting")
    case .separation: ("splitting", "joining")
    case .opening: ("opening", "closing")
    case .cover: ("covering", "uncovering")
    case .stretch: ("stretching", "squashing")
    case .brightness: ("brightening", "dimming")
    }
  }

  /// The pose at `phase`, in [0, 1): a slow ramp from one extreme to the other, then a quick reset.
  package func pose(phase: Float) -> Pose {
    let progress = Self.ramp(phase: phase)
    let centred = 2 * progress - 1
    var pose = Pose()
    switch self {
    case .elevation:
      pose.verticalOffset = -0.24 * centred
    case .size:
      pose.scaleX = 0.9 + 0.45 * centred
      pose.scaleY = pose.scaleX
    case .tilt:
      // From upright to lying: further would look like coming back.
      pose.tiltTurns = 0.25 * progress
    case .separation:
      pose.scaleX = 0.78
      pose.scaleY = 0.78
      pose.separation = 0.2 * progress
    case .opening:
      pose.gap = 0.3 * progress
    case .cover:
      pose.cover = 0.9 * progress
    case .stretch:
      pose.scaleX = 1 - 0.42 * centred
      pose.scaleY = 1 + 0.42 * centred
    case .brightness:
      pose.brightness = 0.25 + 0.85 * progress
    }
    return pose
  }

  /// Share of a cycle spent on the way back.
  package static let resetShare: Float = 0.16

  /// Rises from 0 to 1 while `phase` goes from 0 to 1 - `resetShare`, and falls back to 0 in the rest.
  package static func ramp(phase: Float) -> Float {
    let turn = 1 - resetShare
    return phase < turn ? phase / turn : max(0, (1 - phase) / resetShare)
  }
}

/// How the object is shown in one frame. Lengths are fractions of the frame's height.
package struct Pose: Sendable, Equatable {
  /// Displacement of the object's centre, positive downwards.
  package var verticalOffset: Float = 0
  /// Factors on the object's width and height.
  package var scaleX: Float = 1
  package var scaleY: Float = 1
  /// Rotation; the scene decides to which side.
  package var tiltTurns: Float = 0
  /// Distance of each of two copies from the centre, sideways; 0 is one object.
  package var separation: Float = 0
  /// Distance between the upper and the lower half.
  package var gap: Float = 0
  /// Share of the object's height hidden behind a plate that comes from below.
  package var cover: Float = 0
  /// Factor on the object's luma and saturation.
  package var brightness: Float = 1

  package init() {}
}
