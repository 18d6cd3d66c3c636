using System.Collections.Generic;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>The named colours of CSS Color Module Level 4, section 6.1, their names in words.</summary>
public static class CssColours
{
    /// <summary>
    /// In the order of their names; of two names for one colour (<c>aqua</c> and <c>cyan</c>, <c>fuchsia</c> and
    /// <c>magenta</c>, <c>gray</c> and <c>grey</c>) one is left out.
    /// </summary>
    public static IReadOnlyList<NamedColour> All { get; } =
    [
        new("alice blue", 240, 248, 255), new("antique white", 250, 235, 215), new("aqua marine", 127, 255, 212),
        new("azure", 240, 255, 255), new("beige", 245, 245, 220), new("bisque", 255, 228, 196), new("black", 0, 0, 0),
        new("blanched almond", 255, 235, 205), new("blue", 0, 0, 255), new("blue violet", 138, 43, 226),
        new("brown", 165, 42, 42), new("burly wood", 222, 184, 135), new("cadet blue", 95, 158, 160),
        new("chartreuse", 127, 255, 0), new("chocolate", 210, 105, 30), new("coral", 255, 127, 80),
        new("cornflower blue", 100, 149, 237), new("cornsilk", 255, 248, 220), new("crimson", 220, 20, 60),
        new("cyan", 0, 255, 255), new("dark blue", 0, 0, 139), new("dark cyan", 0, 139, 139),
        new("dark golden rod", 184, 134, 11), new("dark gray", 169, 169, 169), new("dark green", 0, 100, 0),
        new("dark khaki", 189, 183, 107), new("dark magenta", 139, 0, 139), new("dark olive green", 85, 107, 47),
        new("dark orange", 255, 140, 0), new("dark orchid", 153, 50, 204), new("dark red", 139, 0, 0),
        new("dark salmon", 233, 150, 122), new("dark sea green", 143, 188, 143), new("dark slate blue", 72, 61, 139),
        new("dark slate gray", 47, 79, 79), new("dark turquoise", 0, 206, 209), new("dark violet", 148, 0, 211),
        new("deep pink", 255, 20, 147), new("deep sky blue", 0, 191, 255), new("dim gray", 105, 105, 105),
        new("dodger blue", 30, 144, 255), new("fire brick", 178, 34, 34), new("floral white", 255, 250, 240),
        new("forest green", 34, 139, 34), new("gainsboro", 220, 220, 220), new("ghost white", 248, 248, 255),
        new("gold", 255, 215, 0), new("golden rod", 218, 165, 32), new("gray", 128, 128, 128),
        new("green", 0, 128, 0), new("green yellow", 173, 255, 47), new("honeydew", 240, 255, 240),
        new("hot pink", 255, 105, 180), new("indian red", 205, 92, 92), new("indigo", 75, 0, 130),
        new("ivory", 255, 255, 240), new("khaki", 240, 230, 140), new("lavender", 230, 230, 250),
        new("lavender blush", 255, 240, 245), new("lawn green", 124, 252, 0), new("lemon chiffon", 255, 250, 205),
        new("light blue", 173, 216, 230), new("light coral", 240, 128, 128), new("light cyan", 224, 255, 255),
        new("light golden rod yellow", 250, 250, 210), new("light gray", 211, 211, 211),
        new("light green", 144, 238, 144), new("light pink", 255, 182, 193), new("light salmon", 255, 160, 122),
        new("light sea green", 32, 178, 170), new("light sky blue", 135, 206, 250),
        new("light slate gray", 119, 136, 153), new("light steel blue", 176, 196, 222),
        new("light yellow", 255, 255, 224), new("lime", 0, 255, 0), new("lime green", 50, 205, 50),
        new("linen", 250, 240, 230), new("magenta", 255, 0, 255), new("maroon", 128, 0, 0),
        new("medium aqua marine", 102, 205, 170), new("medium blue", 0, 0, 205), new("medium orchid", 186, 85, 211),
        new("medium purple", 147, 112, 219), new("medium sea green", 60, 179, 113),
        new("medium slate blue", 123, 104, 238), new("medium spring green", 0, 250, 154),
        new("medium turquoise", 72, 209, 204), new("medium violet red", 199, 21, 133),
        new("midnight blue", 25, 25, 112), new("mint cream", 245, 255, 250), new("misty rose", 255, 228, 225),
        new("moccasin", 255, 228, 181), new("navajo white", 255, 222, 173), new("navy", 0, 0, 128),
        new("old lace", 253, 245, 230), new("olive", 128, 128, 0), new("olive drab", 107, 142, 35),
        new("orange", 255, 165, 0), new("orange red", 255, 69, 0), new("orchid", 218, 112, 214),
        new("pale golden rod", 238, 232, 170), new("pale green", 152, 251, 152), new("pale turquoise", 175, 238, 238),
        new("pale violet red", 219, 112, 147), new("papaya whip", 255, 239, 213), new("peach puff", 255, 218, 185),
        new("peru", 205, 133, 63), new("pink", 255, 192, 203), new("plum", 221, 160, 221),
        new("powder blue", 176, 224, 230), new("purple", 128, 0, 128), new("rebecca purple", 102, 51, 153),
        new("red", 255, 0, 0), new("rosy brown", 188, 143, 143), new("royal blue", 65, 105, 225),
        new("saddle brown", 139, 69, 19), new("salmon", 250, 128, 114), new("sandy brown", 244, 164, 96),
        new("sea green", 46, 139, 87), new("sea shell", 255, 245, 238), new("sienna", 160, 82, 45),
        new("silver", 192, 192, 192), new("sky blue", 135, 206, 235), new("slate blue", 106, 90, 205),
        new("slate gray", 112, 128, 144), new("snow", 255, 250, 250), new("spring green", 0, 255, 127),
        new("steel blue", 70, 130, 180), new("tan", 210, 180, 140), new("teal", 0, 128, 128),
        new("thistle", 216, 191, 216), new("tomato", 255, 99, 71), new("turquoise", 64, 224, 208),
        new("violet", 238, 130, 238), new("wheat", 245, 222, 179), new("white", 255, 255, 255),
        new("white smoke", 245, 245, 245), new("yellow", 255, 255, 0), new("yellow green", 154, 205, 50),
    ];
}
