package import Tensors
package import Topology
package import Wire

extension PixelFormat {
  /// What a run's windows and clips are made of.
  package init(_ format: Topology.Links.Format) {
    switch format {
    case .rgb24: self = .rgb24
    case .yuv420p: self = .yuv420p
    }
  }

  /// Of windows and clips on the wire.
  package var layout: TensorLayout {
    switch self {
    case .rgb24: .thwc
    case .yuv420p: .planarYUV420
    }
  }
}

extension TensorDescriptor {
  /// The size of the frames that it describes; nil if they are not uint8 frames in this format.
  package func size(of format: PixelFormat) -> (frames: Int, height: Int, width: Int)? {
    elementType == .uint8 && layout == format.layout ? format.size(of: dimensions) : nil
  }
}
