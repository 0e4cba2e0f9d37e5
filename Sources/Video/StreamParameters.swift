import CLibAV
import Wire

/// What a decoder of a stream is opened with, as probing finds it: the same parameters make the same decoder without
/// probing.
struct StreamParameters: Sendable, Equatable {
  /// More extradata is not kept.
  private static let extradataLimit = 4096

  /// Number of the stream in the file.
  let stream: Int
  private let codec: UInt32
  private let timeBase: [Int32]
  private let orientation: Orientation
  /// As `clibav_get_parameters` gives them.
  private let values: [Int64]
  private let extradataHash: UInt64
  /// Where the container has none by itself.
  private var extradata: [UInt8] = []

  /// - Parameters:
  ///   - probed: a stream after `avformat_find_stream_info`.
  ///   - opened: the same one of a file that is only opened.
  /// - Returns: nil if the latter cannot be given the former's parameters.
  init?(probed: UnsafeMutablePointer<AVStream>, opened: UnsafeMutablePointer<AVStream>) {
    let parameters = probed.pointee.codecpar!
    stream = Int(probed.pointee.index)
    codec = parameters.pointee.codec_id.rawValue
    timeBase = [probed.pointee.time_base.num, probed.pointee.time_base.den]
    orientation = Orientation(of: probed)
    var values = [Int64](repeating: 0, count: Int(clibav_parameter_count()))
    clibav_get_parameters(parameters, &values)
    self.values = values
    let own = StreamParameters.extradata(opened.pointee.codecpar)
    let found = StreamParameters.extradata(parameters)
    extradataHash = XXH3.hash(own)
    if !own.elementsEqual(found) {
      guard own.isEmpty, found.count <= StreamParameters.extradataLimit else { return nil }
      extradata = Array(found)
    }
    guard isOf(opened) else { return nil }
  }

  /// Gives the parameters to the same stream of a file that is only opened. False if it is another one.
  func apply(to stream: UnsafeMutablePointer<AVStream>) -> Bool {
    let parameters = stream.pointee.codecpar!
    guard isOf(stream), XXH3.hash(StreamParameters.extradata(parameters)) == extradataHash,
      values.count == Int(clibav_parameter_count()),
      extradata.isEmpty || clibav_set_extradata(parameters, extradata, Int32(extradata.count)) >= 0
    else { return false }
    clibav_set_parameters(parameters, values)
    return true
  }

  private func isOf(_ stream: UnsafeMutablePointer<AVStream>) -> Bool {
    let parameters = stream.pointee.codecpar!
    return parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO && parameters.pointee.codec_id.rawValue == codec
      && [stream.pointee.time_base.num, stream.pointee.time_base.den] == timeBase
      && Orientation(of: stream) == orientation
  }

  private static func extradata(_ parameters: UnsafeMutablePointer<AVCodecParameters>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: parameters.pointee.extradata, count: max(Int(parameters.pointee.extradata_size), 0))
  }
}

extension StreamParameters: WireCodable {
  func encode(to writer: inout ByteWriter) {
    for number in [stream, Int(codec)] { writer.write(varint: UInt64(number)) }
    for number in timeBase { writer.write(number) }
    for flag in [orientation.isTransposed, orientation.flipsX, orientation.flipsY] { writer.write(flag) }
    writer.write(varint: UInt64(values.count))
    for value in values { writer.write(zigzag: value) }
    writer.write(extradataHash)
    writer.write(extradata)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    guard let stream = Int32(exactly: try reader.readVarint()), let codec = UInt32(exactly: try reader.readVarint())
    else { throw WireError(.value, "no stream and codec have such numbers") }
    (self.stream, self.codec) = (Int(stream), codec)
    timeBase = [try reader.readInt32(), try reader.readInt32()]
    orientation = Orientation(
      isTransposed: try reader.readBool(), flipsX: try reader.readBool(), flipsY: try reader.readBool())
    guard try reader.readVarint() == UInt64(clibav_parameter_count()) else {
      throw WireError(.version, "another number of codec parameters")
    }
    var values: [Int64] = []
    for _ in 0..<Int(clibav_parameter_count()) { values.append(try reader.readZigzag()) }
    self.values = values
    extradataHash = try reader.readUInt64()
    extradata = try reader.readBytes()
    guard extradata.count <= StreamParameters.extradataLimit else {
      throw WireError(.tooLarge, "\(extradata.count) bytes of extradata")
    }
  }
}
