// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// What one side answered to each operation of a script: lines joined by newlines.
typealias Results = [Substring]

/// The first operation that the kernel and the model answer differently.
struct Difference: CustomStringConvertible {
  var script: MapScript
  /// The operation's index.
  var index: Int
  var kernel: Substring
  var model: Substring

  /// The script up to the difference, and both answers.
  var description: String {
    var upTo = script
    upTo.operations.removeSubrange((index + 1)...)
    return """
      \(upTo)--- the kernel:
      \(kernel)
      --- the model:
      \(model)
      """
  }
}

/// What a script's run on both sides gave.
struct Comparison {
  var kernel: Results
  var model: Results
  var difference: Difference?
  /// The index of the first operation that the kernel's side refused to perform, since it would
  /// have hit the test's own memory; nothing was compared from there on.
  var refusedIndex: Int?
}

/// Runs `script` on the kernel and on the model.
func compare(_ script: MapScript) throws(KernelSide.Failure) -> Comparison {
  let answers = try ScriptWatch.shared.watch("the kernel", script) {
    () throws(KernelSide.Failure) in
    try KernelSide.run(script)
  }
  let kernel = split(answers, script)
  var comparison = Comparison(kernel: kernel, model: [])
  comparison.refusedIndex = kernel.firstIndex(of: "REFUSED")
  var performed = script
  if let end = comparison.refusedIndex { performed.operations.removeSubrange(end...) }
  let model = modelResults(performed)
  comparison.model = model
  for index in performed.operations.indices {
    let answer = index < kernel.count ? kernel[index] : "nothing"
    guard answer != model[index] else { continue }
    comparison.difference = Difference(
      script: script, index: index, kernel: answer, model: model[index])
    break
  }
  return comparison
}

/// The model's results alone.
func modelResults(_ script: MapScript) -> Results {
  let text = ScriptWatch.shared.watch("the model", script) {
    var replay = ScriptReplay(script)
    var text: [UInt8] = []
    for operation in script.operations { replay.perform(operation, appendingTo: &text) }
    return text
  }
  return split(text, script)
}

/// `text` in pieces, one per operation: a dump ends with a dot, all others are one line.
private func split(_ text: [UInt8], _ script: MapScript) -> Results {
  var results: Results = []
  var lines = String(decoding: text, as: UTF8.self).split(separator: "\n")[...]
  for operation in script.operations {
    guard let first = lines.first else { break }
    var count = 1
    if case .dump = operation, first != "REFUSED" {
      count = (lines.firstIndex(of: ".") ?? lines.endIndex - 1) - lines.startIndex + 1
    }
    let piece = lines.prefix(count)
    results.append(
      count == 1 ? first : first.base[first.startIndex..<piece[piece.endIndex - 1].endIndex])
    lines = lines.dropFirst(count)
  }
  return results
}
