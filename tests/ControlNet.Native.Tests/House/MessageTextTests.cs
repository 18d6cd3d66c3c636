using ControlNet.Native.Messages;
using Xunit;

namespace ControlNet.Native.Tests.House;

public sealed class MessageTextTests
{
    [Fact]
    public void Escapes_what_would_not_be_seen_or_would_move_the_rest() =>
        Assert.Equal("a\\u0007\\u202e\\ud83d\\u2028é", MessageText.Name("a\u0007\u202e\ud83d\u2028é"));

    [Theory]
    [InlineData("0123456789", "0123456789", "0123456789")]
    [InlineData("0123456789a", "0123456...", "...456789a")]
    [InlineData("012\n456789", "012...", "...456789")]
    [InlineData("\n\n\n", "\\u000a...", "...\\u000a")]
    [InlineData("", "", "")]
    public void Cuts_between_characters_to_the_length_asked_for(string text, string start, string end)
    {
        Assert.Equal(start, MessageText.Start(text, 10));
        Assert.Equal(end, MessageText.End(text, 10));
    }

    [Fact]
    public void A_message_is_bounded_whatever_it_is_about()
    {
        string message = MessageText.About(new string('p', 5000) + ".png", new string('\0', 5000));

        Assert.InRange(message.Length, 400, 524);
        Assert.Contains(".png: ", message, System.StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Equal(MessageText.MaxMessage, MessageText.Clip(new string('x', 5000)).Length);
    }
}
