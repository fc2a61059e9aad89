# embed.cmake -- makes of report.html, with its style and script in their places, the bytes that the program holds.
#
#   cmake -D FOLDER=consumer/report -D TO=report_template.c -P embed.cmake
#
# Style and script are named in the page's Content-Security-Policy by their SHA-256, in base64.

function(base64_of_hex hex ret)
  set(letters "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  string(LENGTH "${hex}" length)
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${hex}0000" ${at} 6 piece) # three bytes, zeros behind the last
    math(EXPR number "0x${piece}")
    foreach(shift 18 12 6 0)
      math(EXPR letter "(${number} >> ${shift}) & 63")
      string(SUBSTRING "${letters}" ${letter} 1 letter)
      string(APPEND text ${letter})
    endforeach()
    math(EXPR at "${at} + 6")
  endwhile()
  math(EXPR beyond "(${at} - ${length}) / 2")
  string(LENGTH "${text}" length)
  math(EXPR kept "${length} - ${beyond}")
  string(SUBSTRING "${text}" 0 ${kept} text)
  string(REPEAT "=" ${beyond} equals)
  set(${ret} "${text}${equals}" PARENT_SCOPE)
endfunction()

# As hex throughout: CMake's lists would take semicolons and brackets for their own.
function(put_file hex_of_page place file ret)
  file(READ "${FOLDER}/${file}" bytes HEX)
  string(HEX "{{!${place}}}" mark)
  string(REPLACE "${mark}" "${bytes}" page "${hex_of_page}")
  file(SHA256 "${FOLDER}/${file}" sum)
  base64_of_hex(${sum} sum)
  string(HEX "{{!${place}_hash}}" mark)
  string(HEX "${sum}" sum)
  string(REPLACE "${mark}" "${sum}" page "${page}")
  set(${ret} "${page}" PARENT_SCOPE)
endfunction()

file(READ "${FOLDER}/report.html" page HEX)
put_file("${page}" css report.css page)
put_file("${page}" js report.js page)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${page}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE "${TO}" "/* Made of report.html by embed.cmake. */
#include \"report_template.h\"
const char report_template[] = {
${bytes}0};
const size_t report_template_size = sizeof(report_template) - 1;
")
