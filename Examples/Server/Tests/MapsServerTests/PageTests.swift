// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import ServerSupport
import Testing

/// The page in a real browser, on a real server that serves this process.
@Suite(.serialized) struct PageTests {
  private static let page = Int(getpagesize())

  @Test func showsAndFollowsAProcess() throws {
    guard Browser.path != nil else {
      print("skipped: the page: there is no Chromium")
      return
    }
    let server = try ServerProgram(
      "maps-server", ["--port", "0", "--interval", "100"], usesSocket: false)
    let url = try #require(server.address)
    let browser = try Browser()
    let own = getpid()

    // The list.
    try browser.open(url)
    try browser.wait(for: "document.querySelector('#process-rows tr[data-pid=\"\(own)\"]')")
    try browser.wait(for: "document.querySelector('#connection').dataset.state === 'live'")
    try browser.takePicture("list")

    // The map, and what is mapped while it is shown.
    try browser.open("\(url)#/\(own)")
    try browser.wait(for: "+document.querySelector('#picture').dataset.mappings > 10")
    try browser.wait(for: "document.querySelector('#picture').dataset.generation !== ''")
    let address = mmap(
      nil, 3 * Self.page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    let start = String(UInt(bitPattern: address), radix: 16)
    try browser.wait(
      for: "document.querySelector('#log [data-change=\"added\"][data-start=\"\(start)\"]')")
    try browser.takePicture("map")

    // An address is found, and its mapping selected.
    let inside = String(UInt(bitPattern: address) + UInt(Self.page) + 16, radix: 16)
    _ = try browser.value(
      "document.querySelector('#search').value = '0x\(inside)',"
        + " document.querySelector('#search-button').click()")
    try browser.wait(for: "document.querySelector('#picture').dataset.selected === '\(start)'")
    try browser.wait(for: "document.querySelector('#search-result').textContent.includes('is in')")

    // The difference of two instants.
    _ = try browser.value("document.querySelector('#mark').click()")
    try browser.wait(for: "document.querySelector('#mark').dataset.generation")
    munmap(address, 3 * Self.page)
    try browser.wait(
      for: "document.querySelector('#log [data-change=\"removed\"][data-start=\"\(start)\"]')")
    try browser.wait(
      for: "document.querySelector('#search-result').textContent.includes('which has changed')")
    _ = try browser.value("document.querySelector('#compare').click()")
    try browser.wait(for: "document.querySelector('#comparison').dataset.state === 'shown'")
    try browser.wait(
      for: "document.querySelector('[data-list=\"removed\"] button[data-start=\"\(start)\"]')")
    try browser.takePicture("difference")

    // A narrow screen has nothing beside it.
    try browser.setSize(360, 740)
    usleep(300_000)
    #expect(try browser.value("document.documentElement.scrollWidth") as? Int ?? 0 <= 360)
    try browser.takePicture("narrow")

    // A process that isn't here, and the way back.
    _ = try browser.value("location.hash = '#/2147483647'")
    try browser.wait(for: "!document.querySelector('#notice').hidden")
    _ = try browser.value("location.hash = ''")
    try browser.wait(for: "document.body.dataset.view === 'list'")
    // The browser itself complains of the answer 404.
    let complaints = browser.complaints.filter { !$0.contains("404") }
    #expect(complaints == [])
  }

  /// The page asks for the token, and sends it from then on.
  @Test func asksForTheToken() throws {
    guard Browser.path != nil else {
      print("skipped: the page: there is no Chromium")
      return
    }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("maps-server-token-\(UUID().uuidString.prefix(8))").path
    try "the-token-of-this-test\n".write(toFile: folder, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let server = try ServerProgram(
      "maps-server", ["--port", "0", "--token-file", folder], usesSocket: false)
    let browser = try Browser()
    try browser.open(try #require(server.address))
    try browser.wait(for: "document.querySelector('#token-dialog').open")
    _ = try browser.value(
      "document.querySelector('#token').value = 'the-token-of-this-test',"
        + " document.querySelector('#token-submit').click()")
    try browser.wait(for: "document.querySelectorAll('#process-rows tr').length > 0")
    try browser.wait(for: "document.querySelector('#connection').dataset.state === 'live'")
  }
}
